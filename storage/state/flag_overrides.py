"""Keeps the flags that somebody set while the gateway runs."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from storage.state.database import Database
from storage.state.records import FlagOverride
from storage.state.tables import FLAG_OVERRIDES


class FlagOverrides:
    """The overrides of a database. Errors of every method: StateError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, override: FlagOverride) -> None:
        """Sets a flag."""
        values = {"value": override.value, "at": override.at, "by": override.by}
        added = insert(FLAG_OVERRIDES).values(name=override.name, **values)
        with self._database.writing() as connection:
            connection.execute(added.on_conflict_do_update(index_elements=["name"], set_=values))

    def remove(self, name: str) -> bool:
        """Lets a flag go back to what environment and settings say; says whether it had been set."""
        with self._database.writing() as connection:
            return connection.execute(delete(FLAG_OVERRIDES).where(FLAG_OVERRIDES.c.name == name)).rowcount > 0

    def every(self) -> list[FlagOverride]:
        """Gives all of them by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(FLAG_OVERRIDES).order_by(FLAG_OVERRIDES.c.name))
            return [FlagOverride(*row) for row in rows]
