"""Keeps what is to happen later, until it has happened."""

from datetime import datetime

from msgspec import structs
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import Insert, insert

from storage.state.database import Database
from storage.state.records import Task, TaskState
from storage.state.tables import TASKS

_LOCK = 0x54534B53
"""The advisory locks of PostgreSQL under which one task at a time comes to those of a person."""


def _added(task: Task) -> Insert:
    return insert(TASKS).values(**structs.asdict(task)).on_conflict_do_nothing()


class Tasks:
    """The tasks of a database. Errors of every method: StateError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, task: Task) -> None:
        """Keeps a task; one that is kept already stays as it is."""
        with self._database.writing() as connection:
            connection.execute(_added(task))

    def add_to(self, task: Task, most: int) -> bool:
        """Keeps a task where fewer than `most` of that person's wait; says whether it was kept."""
        mine = (TASKS.c.person == task.person, TASKS.c.state == "waiting")
        alone = select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(task.person)))
        with self._database.writing() as connection:
            if not self._database.is_file:
                # Others would count at the same time; a file has one writer as it is.
                connection.execute(alone)
            if connection.execute(select(func.count()).where(*mine)).scalar_one() >= most:
                return False
            connection.execute(_added(task))
            return True

    def waiting(self, person: str) -> int:
        """Gives how many tasks of somebody have not ended."""
        sought = select(func.count()).where(TASKS.c.person == person, TASKS.c.state == "waiting")
        with self._database.reading() as connection:
            return connection.execute(sought).scalar_one()

    def of(self, person: str) -> list[Task]:
        """Gives the tasks of somebody, the next one first."""
        sought = select(TASKS).where(TASKS.c.person == person).order_by(TASKS.c.due, TASKS.c.id)
        with self._database.reading() as connection:
            return [Task(*row) for row in connection.execute(sought)]

    def due(self, now: datetime, most: int) -> list[Task]:
        """Gives waiting tasks whose time has come, the oldest first."""
        sought = select(TASKS).where(TASKS.c.state == "waiting", TASKS.c.due <= now)
        with self._database.reading() as connection:
            return [Task(*row) for row in connection.execute(sought.order_by(TASKS.c.due, TASKS.c.id).limit(most))]

    def claim(self, task: Task, again: datetime) -> bool:
        """Takes a due task, which is due again at `again` unless it is closed; says whether nobody was quicker."""
        claimed = (
            update(TASKS)
            .where(TASKS.c.id == task.id, TASKS.c.state == "waiting", TASKS.c.attempts == task.attempts)
            .values(due=again, attempts=task.attempts + 1)
        )
        with self._database.writing() as connection:
            return connection.execute(claimed).rowcount > 0

    def close(self, id: str, state: TaskState) -> bool:
        """Says how a waiting task ended; says whether it was waiting."""
        closed = update(TASKS).where(TASKS.c.id == id, TASKS.c.state == "waiting").values(state=state)
        with self._database.writing() as connection:
            return connection.execute(closed).rowcount > 0

    def remove(self, person: str, id: str) -> bool:
        """Takes a task of somebody away; says whether it was theirs."""
        with self._database.writing() as connection:
            return connection.execute(delete(TASKS).where(TASKS.c.person == person, TASKS.c.id == id)).rowcount > 0

    def expire(self, moment: datetime) -> int:
        """Takes away what ended, and was due before a moment; gives how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(TASKS).where(TASKS.c.state != "waiting", TASKS.c.due < moment)).rowcount
