"""Keeps what ratings come to, for each person and for all; each change has a version of its own."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from storage.state.database import Database
from storage.state.records import FeedbackTable
from storage.state.tables import FEEDBACK_TABLES

ALL = "all"
"""The owner of the table for everybody; no pseudonym looks so."""


class FeedbackTables:
    """The tables of a database. Errors of every method: StateError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, owner: str, mean: float, at: datetime) -> None:
        """Keeps a mean with the next version; one that is there already keeps its own."""
        self.put_all({owner: mean}, at)

    def put_all(self, means: Mapping[str, float], at: datetime) -> None:
        """Keeps the means of several owners at once, as `put` does."""
        if not means:
            return
        rows = [{"owner": owner, "mean": mean, "version": 1, "updated": at} for owner, mean in means.items()]
        added = insert(FEEDBACK_TABLES)
        said = {
            "mean": added.excluded.mean,
            "version": FEEDBACK_TABLES.c.version + 1,
            "updated": added.excluded.updated,
        }
        changed = added.on_conflict_do_update(
            index_elements=["owner"], set_=said, where=FEEDBACK_TABLES.c.mean != added.excluded.mean
        )
        with self._database.writing() as connection:
            connection.execute(changed, rows)

    def of(self, owner: str) -> FeedbackTable | None:
        """Gives the table of one owner, None where there is none."""
        sought = select(FEEDBACK_TABLES).where(FEEDBACK_TABLES.c.owner == owner)
        with self._database.reading() as connection:
            row = connection.execute(sought).first()
        return FeedbackTable(*row) if row is not None else None

    def every(self) -> list[FeedbackTable]:
        """Gives the tables that say anything, those that changed last first."""
        sought = (
            select(FEEDBACK_TABLES)
            .where(FEEDBACK_TABLES.c.mean != 0)
            .order_by(FEEDBACK_TABLES.c.updated.desc(), FEEDBACK_TABLES.c.owner)
        )
        with self._database.reading() as connection:
            return [FeedbackTable(*row) for row in connection.execute(sought)]

    def expire(self, moment: datetime) -> int:
        """Takes away the tables of people that say nothing, and did not since before a moment; gives how many."""
        idle = (FEEDBACK_TABLES.c.mean == 0) & (FEEDBACK_TABLES.c.updated < moment) & (FEEDBACK_TABLES.c.owner != ALL)
        with self._database.writing() as connection:
            return connection.execute(delete(FEEDBACK_TABLES).where(idle)).rowcount
