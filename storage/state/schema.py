"""Brings the schema of a database up to date, and refuses one that is newer than this code."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"
CONNECTION = "connection"


class SchemaError(Exception):
    """The schema is not one that this code can use; the message goes on after the name of the database."""


def brought_up_to_date(connection: Connection) -> None:
    """Runs the migrations that this database has not seen, in its transaction. Errors: SchemaError."""
    if _current(connection) != _newest():
        config = _config()
        config.attributes[CONNECTION] = connection
        command.upgrade(config, "head")


def checked(connection: Connection) -> None:
    """Makes sure that no migration is missing. Errors: SchemaError."""
    if _current(connection) != _newest():
        raise SchemaError("waits for the office to bring it up to date.")


def _current(connection: Connection) -> str | None:
    """Gives the migration that a database stands at. Errors: SchemaError for one that nobody here knows."""
    current = MigrationContext.configure(connection).get_current_revision()
    known = {each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current is not None and current not in known:
        raise SchemaError(
            f"was written by a newer gateway: its schema is {current}, and this one knows those up to {max(known)}. "
            "Start that gateway again, or restore a backup from before."
        )
    return current


def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
