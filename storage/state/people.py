"""Erases a person from every table of the state: what is theirs goes, what they did for others says so no more."""

from collections.abc import Sequence

from sqlalchemy import Column, ColumnElement, delete, or_, update

from storage.state.database import Database
from storage.state.tables import METADATA

ERASED = "erased"
_THEIRS = ("person", "owner")
_DONE_BY = ("by", "released_by")
_PART = 500


def erase(database: Database, people: Sequence[str]) -> int:
    """Erases people by their pseudonyms; gives how many rows were theirs. Errors: StateError."""
    gone = 0
    for at in range(0, len(people), _PART):
        part = people[at : at + _PART]
        with database.writing() as connection:
            for table in METADATA.sorted_tables:
                for name in _DONE_BY:
                    if name in table.c:
                        connection.execute(update(table).where(table.c[name].in_(part)).values({name: ERASED}))
                theirs = [_is_one_of(table.c[name], part) for name in _THEIRS if name in table.c]
                if theirs:
                    gone += connection.execute(delete(table).where(or_(*theirs))).rowcount
    return gone


def _is_one_of(column: Column[str], people: Sequence[str]) -> ColumnElement[bool]:
    return column.in_(people)
