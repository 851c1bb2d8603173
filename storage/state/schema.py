"""Brings the schema of a database up to date; only who may change it needs this room, and Alembic with it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from storage.state.version import is_up_to_date

MIGRATIONS = Path(__file__).parent / "migrations"
CONNECTION = "connection"


def brought_up_to_date(connection: Connection) -> None:
    """Runs the migrations that a database has not seen, in its transaction. Errors: SchemaError."""
    if not is_up_to_date(connection):
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes[CONNECTION] = connection
        command.upgrade(config, "head")
