"""Keeps which tools are withheld from whom, why, until when, and who took it back."""

from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from storage.state.database import Database
from storage.state.records import Tightening
from storage.state.tables import TIGHTENINGS


class Tightenings:
    """The tightenings of a database. Errors of every method: StateError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, tightening: Tightening) -> bool:
        """Withholds a tool; says whether this was not known yet, so that it can be told of twice."""
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
            rule=tightening.rule,
            strict=tightening.strict,
        )
        once = added.on_conflict_do_nothing(index_elements=["id"])
        with self._database.writing() as connection:
            return connection.execute(once.returning(TIGHTENINGS.c.id)).first() is not None

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

    def since(self, moment: datetime) -> list[Tightening]:
        """Gives those that began behind a moment or were taken back behind it, over or not, the oldest first."""
        sought = select(TIGHTENINGS).where(or_(TIGHTENINGS.c.since > moment, TIGHTENINGS.c.released > moment))
        with self._database.reading() as connection:
            rows = connection.execute(sought.order_by(TIGHTENINGS.c.since, TIGHTENINGS.c.id))
            return [Tightening(*row) for row in rows]

    def of(self, id: str) -> Tightening | None:
        """Gives a tightening, over or not."""
        with self._database.reading() as connection:
            row = connection.execute(select(TIGHTENINGS).where(TIGHTENINGS.c.id == id)).first()
        return Tightening(*row) if row is not None else None

    def expire(self, moment: datetime) -> int:
        """Takes away those that were over before a moment; gives how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(TIGHTENINGS).where(TIGHTENINGS.c.until < moment)).rowcount
