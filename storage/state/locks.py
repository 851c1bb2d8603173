"""Keeps who is held in conservative mode, since when and why, and who let them go."""

from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from storage.state.database import Database
from storage.state.records import Lock
from storage.state.tables import LOCKS


class Locks:
    """The locks of a database. Errors of every method: StateError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, person: str, since: datetime, because: str) -> bool:
        """Locks somebody; says whether they were not locked before."""
        added = insert(LOCKS).values(person=person, since=since, because=because)
        again = {"since": since, "because": because, "released": None, "released_by": None}
        changed = added.on_conflict_do_update(
            index_elements=["person"], set_=again, where=LOCKS.c.released.is_not(None)
        )
        with self._database.writing() as connection:
            return connection.execute(changed.returning(LOCKS.c.person)).first() is not None

    def release(self, person: str, at: datetime, by: str) -> bool:
        """Lets somebody go; says whether they were locked."""
        released = (
            update(LOCKS)
            .where(LOCKS.c.person == person, LOCKS.c.released.is_(None))
            .values(released=at, released_by=by)
        )
        with self._database.writing() as connection:
            return connection.execute(released).rowcount > 0

    def of(self, person: str) -> Lock | None:
        """Gives the last lock of somebody, released or not."""
        with self._database.reading() as connection:
            row = connection.execute(select(LOCKS).where(LOCKS.c.person == person)).first()
        return Lock(*row) if row is not None else None

    def held(self, since: datetime | None = None) -> list[Lock]:
        """Gives the locks that hold, the oldest first; with a moment those that were released after it as well."""
        holds = LOCKS.c.released.is_(None)
        sought = select(LOCKS).where(holds if since is None else or_(holds, LOCKS.c.released > since))
        with self._database.reading() as connection:
            return [Lock(*row) for row in connection.execute(sought.order_by(LOCKS.c.since, LOCKS.c.person))]

    def expire(self, moment: datetime) -> int:
        """Takes away the locks that were released before a moment; gives how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(LOCKS).where(LOCKS.c.released < moment)).rowcount
