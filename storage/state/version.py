"""Knows at which migration a database stands, without what it takes to run one."""

from sqlalchemy import Connection, inspect, text

KNOWN = ("0001", "0002", "0003")
"""The migrations in their order; a test compares them with the folder."""
_TABLE = "alembic_version"


class SchemaError(Exception):
    """The schema is not one that this code can use; the message goes on after the name of the database."""


def is_up_to_date(connection: Connection) -> bool:
    """Says whether a database has seen every migration. Errors: SchemaError for one that nobody here knows."""
    if not inspect(connection).has_table(_TABLE):
        return False
    current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if current is not None and current not in KNOWN:
        raise SchemaError(
            f"was written by a newer gateway: its schema is {current}, and this one knows those up to {KNOWN[-1]}. "
            "Start that gateway again, or restore a backup from before."
        )
    return bool(current == KNOWN[-1])


def checked(connection: Connection) -> None:
    """Makes sure that no migration is missing. Errors: SchemaError."""
    if not is_up_to_date(connection):
        raise SchemaError("waits for the office to bring it up to date.")
