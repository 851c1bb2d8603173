"""Moves old days of the warehouse to Parquet.

A file counts when `kept.archived` names it. Its name follows from what is archived already, so that a move that was
cut short is done again over its own traces.
"""

import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import msgspec

from storage.packing import sync_folder
from storage.warehouse_file import Folders, show_archive, transaction

WORKING_NAME = ".new"
_MAGIC = b"PAR1"
# Whoever began on a day that is old and was never heard of again is lost.
_COPY: Mapping[str, str] = {
    "exchanges": """
        COPY (
            SELECT * REPLACE (kept.telling(trail) AS trail) FROM kept.exchanges
            WHERE started::DATE = getvariable('day')
            UNION ALL BY NAME
            SELECT 'lost' AS outcome, * FROM kept.begun WHERE started::DATE = getvariable('day')
            ORDER BY started
        ) TO (getvariable('file')) (FORMAT parquet, COMPRESSION zstd)
    """,
    "incidents": """
        COPY (FROM kept.incidents WHERE happened::DATE = getvariable('day') ORDER BY happened)
        TO (getvariable('file')) (FORMAT parquet, COMPRESSION zstd)
    """,
    "feedback": """
        COPY (FROM kept.feedback WHERE happened::DATE = getvariable('day') ORDER BY happened)
        TO (getvariable('file')) (FORMAT parquet, COMPRESSION zstd)
    """,
    "events": """
        COPY (FROM kept.events WHERE happened::DATE = getvariable('day') ORDER BY happened)
        TO (getvariable('file')) (FORMAT parquet, COMPRESSION zstd)
    """,
}
_DELETE: Mapping[str, tuple[str, ...]] = {
    "exchanges": (
        "DELETE FROM kept.exchanges WHERE started::DATE = getvariable('day')",
        "DELETE FROM kept.begun WHERE started::DATE = getvariable('day')",
    ),
    "incidents": ("DELETE FROM kept.incidents WHERE happened::DATE = getvariable('day')",),
    "feedback": ("DELETE FROM kept.feedback WHERE happened::DATE = getvariable('day')",),
    "events": ("DELETE FROM kept.events WHERE happened::DATE = getvariable('day')",),
}
_DAYS = """
SELECT DISTINCT kind, day FROM (
    SELECT 'exchanges' AS kind, started::DATE AS day FROM kept.exchanges
    UNION SELECT 'exchanges', started::DATE FROM kept.begun
    UNION SELECT 'incidents', happened::DATE FROM kept.incidents
    UNION SELECT 'feedback', happened::DATE FROM kept.feedback
    UNION SELECT 'events', happened::DATE FROM kept.events
)
WHERE day < ?
ORDER BY day, kind
"""


class Archived(msgspec.Struct, frozen=True):
    """One file of one day: `kind` is the table, `file` the path below the archive, `bytes` its size."""

    kind: str
    day: date
    file: str
    rows: int
    bytes: int


def days_before(connection: duckdb.DuckDBPyConnection, before: date) -> list[tuple[str, date]]:
    """Gives the tables and days before a date that have rows. Errors: duckdb.Error."""
    return connection.execute(_DAYS, [before]).fetchall()


def archive_day(
    connection: duckdb.DuckDBPyConnection, folders: Folders, kind: str, day: date, now: datetime
) -> Archived | None:
    """Writes a day's rows to a file and takes them out of the table, both or neither. Errors: duckdb.Error, OSError."""
    with transaction(connection):
        archived = _written(connection, folders, kind, day)
        if archived is None:
            return None
        for statement in _DELETE[kind]:
            connection.execute(statement)
        note(connection, archived, now)
    show_archive(connection)
    return archived


def _written(connection: duckdb.DuckDBPyConnection, folders: Folders, kind: str, day: date) -> Archived | None:
    """Writes the file, under its name and on the disk; None where there is nothing to write."""
    execute = connection.execute
    execute("SET VARIABLE day = ?::DATE", [day])
    parts = number(execute("SELECT count(*) FROM kept.archived WHERE kind = ? AND day = ?", [kind, day]))
    file = f"{kind}/day={day}/part-{parts:04d}.parquet"
    path = folders.archive / file
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(path.name + WORKING_NAME)
    execute("SET VARIABLE file = ?", [str(fresh)])
    rows = number(execute(_COPY[kind]))
    if not rows:
        fresh.unlink()
        return None
    _settle(fresh, path, folders.archive)
    return Archived(kind, day, file, rows, path.stat().st_size)


def note(connection: duckdb.DuckDBPyConnection, archived: Archived, when: datetime) -> None:
    """Makes a file count. Errors: duckdb.Error."""
    connection.execute(
        "INSERT INTO kept.archived VALUES (?, ?, ?, ?, ?, ?)",
        [*msgspec.structs.astuple(archived), when.astimezone(UTC).replace(tzinfo=None)],
    )


def _settle(fresh: Path, path: Path, archive: Path) -> None:
    """Gives a written file its name, and returns when both are on the disk."""
    fd = os.open(fresh, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    fresh.rename(path)
    for folder in (path.parent, path.parent.parent, archive):
        sync_folder(folder)


def is_whole(path: Path) -> bool:
    """Says whether a file begins and ends as Parquet does."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
            file.seek(-len(_MAGIC), os.SEEK_END)
            return start == _MAGIC == file.read(len(_MAGIC))
    except OSError:
        return False


def number(result: duckdb.DuckDBPyConnection) -> int:
    """Gives the only value of a result."""
    row = result.fetchone()
    return int(row[0]) if row else 0
