"""Keeps feedback cards: one for each rater and exchange, the last counts."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, select

# Both databases understand this form; the conformance tests run it on both.
from sqlalchemy.dialects.postgresql import insert

from storage.state.database import Database
from storage.state.records import Card, Rating
from storage.state.tables import CARDS, RATERS

_RATINGS: Select[Any] = select(CARDS.c.person, CARDS.c.at, CARDS.c.rating, CARDS.c.proven, RATERS.c.met).join(
    RATERS, RATERS.c.person == CARDS.c.person
)


class Cards:
    """The cards of a database. Errors of every method: StateError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def meet(self, person: str, at: datetime) -> None:
        """Notes when somebody rated for the first time."""
        with self._database.writing() as connection:
            connection.execute(insert(RATERS).values(person=person, met=at).on_conflict_do_nothing())

    def put(self, card: Card) -> None:
        """Keeps a card in the place of an earlier one."""
        values: dict[str, Any] = {
            "at": card.at,
            "rating": card.rating,
            "note": card.note,
            "tags": list(card.tags),
            "sub_user": card.sub_user,
            "context_hash": card.context_hash,
            "proven": card.proven,
            "disagrees": card.disagrees,
        }
        added = insert(CARDS).values(person=card.person, action=card.action, **values)
        with self._database.writing() as connection:
            connection.execute(added.on_conflict_do_update(index_elements=["person", "action"], set_=values))

    def find(self, person: str, action: str) -> Card | None:
        """Gives a card, None where there is none."""
        sought = select(CARDS).where(CARDS.c.person == person, CARDS.c.action == action)
        with self._database.reading() as connection:
            row = connection.execute(sought).first()
        return _card(row) if row is not None else None

    def since(self, moment: datetime) -> list[Rating]:
        """Gives the ratings from a moment on."""
        sought = _RATINGS.where(CARDS.c.at >= moment)
        with self._database.reading() as connection:
            return [Rating(*row) for row in connection.execute(sought)]

    def of(self, person: str, moment: datetime) -> list[Rating]:
        """Gives the ratings of one person from a moment on."""
        sought = _RATINGS.where(CARDS.c.person == person, CARDS.c.at >= moment)
        with self._database.reading() as connection:
            return [Rating(*row) for row in connection.execute(sought)]

    def count(self) -> int:
        """Gives how many cards there are."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(CARDS)).scalar_one()

    def disagreements(self, person: str, moment: datetime) -> int:
        """Gives how many cards of a person speak against the policy, after a moment."""
        sought = (
            select(func.count())
            .select_from(CARDS)
            .where(CARDS.c.person == person, CARDS.c.at > moment, CARDS.c.disagrees)
        )
        with self._database.reading() as connection:
            return connection.execute(sought).scalar_one()

    def expire(self, moment: datetime) -> int:
        """Takes away the cards from before a moment, and the raters who left no other; gives how many cards."""
        left = select(CARDS.c.person).where(CARDS.c.person == RATERS.c.person)
        with self._database.writing() as connection:
            gone = connection.execute(delete(CARDS).where(CARDS.c.at < moment)).rowcount
            connection.execute(delete(RATERS).where(RATERS.c.met < moment, ~left.exists()))
        return gone


def _card(row: Row[Any]) -> Card:
    return Card(
        row.person,
        row.action,
        row.at,
        row.rating,
        row.note,
        tuple(row.tags),
        row.sub_user,
        row.context_hash,
        row.proven,
        row.disagrees,
    )
