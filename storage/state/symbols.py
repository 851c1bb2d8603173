"""Keeps the symbols of people, sealed, and of all of them together how many people have one for an intent."""

from collections.abc import Iterable, Mapping

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from storage.state.database import Database
from storage.state.records import Symbols
from storage.state.tables import INTENT_COUNTS, SYMBOLS


class KeptSymbols:
    """The symbols of a database. Errors of every method: StateError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, symbols: Symbols) -> None:
        """Keeps somebody's symbols in the place of those before."""
        values = {"sealed": symbols.sealed, "consent": symbols.consent, "at": symbols.at}
        added = insert(SYMBOLS).values(person=symbols.person, **values)
        with self._database.writing() as connection:
            connection.execute(added.on_conflict_do_update(index_elements=["person"], set_=values))

    def of(self, person: str) -> Symbols | None:
        """Gives somebody's symbols, None where there are none."""
        with self._database.reading() as connection:
            row = connection.execute(select(SYMBOLS).where(SYMBOLS.c.person == person)).first()
        return Symbols(*row) if row is not None else None

    def stamps(self, most: int) -> Mapping[str, int]:
        """Gives who has symbols, and when they changed last in microseconds; of very many those who changed last."""
        sought = select(SYMBOLS.c.person, SYMBOLS.c.at).order_by(SYMBOLS.c.at.desc(), SYMBOLS.c.person).limit(most)
        with self._database.reading() as connection:
            return {row.person: round(row.at.timestamp() * 1e6) for row in connection.execute(sought)}

    def remove(self, person: str) -> bool:
        """Takes somebody's symbols away; says whether there were any."""
        with self._database.writing() as connection:
            return connection.execute(delete(SYMBOLS).where(SYMBOLS.c.person == person)).rowcount > 0

    def count(self, more: Iterable[str], fewer: Iterable[str]) -> None:
        """Counts one person more for these intents, and one fewer for those."""
        steps = [(intent, 1) for intent in more] + [(intent, -1) for intent in fewer]
        with self._database.writing() as connection:
            for intent, step in steps:
                added = insert(INTENT_COUNTS).values(intent=intent, people=max(0, step))
                counted = {"people": INTENT_COUNTS.c.people + step}
                connection.execute(added.on_conflict_do_update(index_elements=["intent"], set_=counted))

    def counts(self) -> Mapping[str, int]:
        """Gives how many people have a symbol for each intent."""
        with self._database.reading() as connection:
            return {row.intent: row.people for row in connection.execute(select(INTENT_COUNTS))}
