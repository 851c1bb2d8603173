"""Keeps which tools are withheld from whom, why, until when, and who took it back."""

from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update

from storage.state.database import Database
from storage.state.records import Tightening
from storage.state.tables import TIGHTENINGS


class Tightenings:
    """The tightenings of a database. Errors of every method: StateError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, tightening: Tightening) -> None:
        """Withholds a tool."""
        added = insert(TIGHTENINGS).values(
            id=tightening.id,
            person=tightening.person,
            tool=tightening.tool,
            cause=tightening.cause,
            because=tightening.because,
            since=tightening.since,
            until=tightening.until,
            released=tightening.released,
            released_by=tightening.released_by,
        )
        with self._database.writing() as connection:
            connection.execute(added)

    def release(self, id: str, at: datetime, by: str) -> bool:
        """Takes a tightening back; says whether it held."""
        released = (
            update(TIGHTENINGS)
            .where(TIGHTENINGS.c.id == id, TIGHTENINGS.c.released.is_(None), TIGHTENINGS.c.until > at)
            .values(released=at, released_by=by)
        )
        with self._database.writing() as connection:
            return connection.execute(released).rowcount > 0

    def held(self, now: datetime, person: str | None = None) -> list[Tightening]:
        """Gives those that hold, the oldest first; of one person, with those of everybody, where one is named."""
        sought = select(TIGHTENINGS).where(TIGHTENINGS.c.released.is_(None), TIGHTENINGS.c.until > now)
        if person is not None:
            sought = sought.where(or_(TIGHTENINGS.c.person == person, TIGHTENINGS.c.person.is_(None)))
        with self._database.reading() as connection:
            rows = connection.execute(sought.order_by(TIGHTENINGS.c.since, TIGHTENINGS.c.id))
            return [Tightening(*row) for row in rows]

    def expire(self, moment: datetime) -> int:
        """Takes away those that were over before a moment; gives how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(TIGHTENINGS).where(TIGHTENINGS.c.until < moment)).rowcount
