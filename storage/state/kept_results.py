"""Keeps what tools gave that ran here, until the client comes with the results of its own."""

from datetime import datetime

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

    def find(self, person: str, call_id: str, now: datetime) -> KeptResult | None:
        """Gives the result of a call of this person and of nobody else, None where its time is over."""
        sought = select(KEPT_RESULTS).where(
            KEPT_RESULTS.c.person == person, KEPT_RESULTS.c.call_id == call_id, KEPT_RESULTS.c.until > now
        )
        with self._database.reading() as connection:
            row = connection.execute(sought).first()
        return KeptResult(*row) if row is not None else None

    def expire(self, now: datetime) -> int:
        """Takes away those whose time is over; gives how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(KEPT_RESULTS).where(KEPT_RESULTS.c.until <= now)).rowcount
