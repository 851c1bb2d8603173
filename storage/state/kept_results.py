"""Keeps what tools gave that ran here, until the client comes with the results of its own."""

from collections.abc import Collection
from datetime import datetime

from msgspec import structs
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from storage.state.database import Database
from storage.state.records import KeptResult
from storage.state.tables import KEPT_RESULTS


class KeptResults:
    """The results of a database. Errors of every method: StateError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, result: KeptResult) -> None:
        """Keeps a result; the same call of the same person has one."""
        values = {"audit_id": result.audit_id, "sealed": result.sealed, "until": result.until}
        added = insert(KEPT_RESULTS).values(person=result.person, call_id=result.call_id, **values)
        with self._database.writing() as connection:
            connection.execute(added.on_conflict_do_update(index_elements=["person", "call_id"], set_=values))

    def put_new(self, result: KeptResult, now: datetime) -> bool:
        """Keeps a result unless the same call of the same person has one; says whether it was kept."""
        mine = (KEPT_RESULTS.c.person == result.person, KEPT_RESULTS.c.call_id == result.call_id)
        added = insert(KEPT_RESULTS).values(**structs.asdict(result))
        with self._database.writing() as connection:
            connection.execute(delete(KEPT_RESULTS).where(*mine, KEPT_RESULTS.c.until <= now))
            return bool(connection.execute(added.on_conflict_do_nothing()).rowcount)

    def find_all(self, person: str, call_ids: Collection[str], now: datetime) -> list[KeptResult]:
        """Gives the results of these calls of a person, in no order, without those whose time is over."""
        sought = select(KEPT_RESULTS).where(
            KEPT_RESULTS.c.person == person, KEPT_RESULTS.c.call_id.in_(call_ids), KEPT_RESULTS.c.until > now
        )
        with self._database.reading() as connection:
            return [KeptResult(*row) for row in connection.execute(sought)]

    def find(self, person: str, call_id: str, now: datetime) -> KeptResult | None:
        """Gives the result of a call of this person and of nobody else, None where its time is over."""
        sought = select(KEPT_RESULTS).where(
            KEPT_RESULTS.c.person == person, KEPT_RESULTS.c.call_id == call_id, KEPT_RESULTS.c.until > now
        )
        with self._database.reading() as connection:
            row = connection.execute(sought).first()
        return KeptResult(*row) if row is not None else None

    def remove(self, person: str, call_id: str) -> None:
        """Takes away the result of a call of a person."""
        mine = (KEPT_RESULTS.c.person == person, KEPT_RESULTS.c.call_id == call_id)
        with self._database.writing() as connection:
            connection.execute(delete(KEPT_RESULTS).where(*mine))

    def expire(self, now: datetime) -> int:
        """Takes away those whose time is over; gives how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(KEPT_RESULTS).where(KEPT_RESULTS.c.until <= now)).rowcount
