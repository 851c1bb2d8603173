"""Moves old days of the warehouse to Parquet.

A file counts when `kept.archived` names it. A move never writes over a file: what stands there and does not count, the
trace of a move that was cut short or what a rebuild could not read, is put aside until its day goes.
"""

import os
import re
from collections.abc import Container, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import msgspec

from storage.packing import sync_folder
from storage.warehouse_file import Folders, show_archive, transaction

WORKING_NAME = ".new"
ASIDE_NAME = ".aside"
_SUFFIX = ".parquet"
_PART = re.compile(r"part-(\d+)\.parquet")
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
    rows_of_day = execute("SELECT file FROM kept.archived WHERE kind = ? AND day = ?", [kind, day]).fetchall()
    path = _free(folders.archive / kind / f"day={day}", {Path(file).name for (file,) in rows_of_day})
    file = path.relative_to(folders.archive).as_posix()
    fresh = path.with_name(path.name + WORKING_NAME)
    execute("SET VARIABLE file = ?", [str(fresh)])
    rows = number(execute(_COPY[kind]))
    if not rows:
        fresh.unlink()
        return None
    _settle(fresh, path, folders.archive)
    return Archived(kind, day, file, rows, path.stat().st_size)


def _free(folder: Path, counting: Container[str]) -> Path:
    """Gives the path of the next file of a day, and puts aside those that do not count: it will hold their rows."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    last = -1
    for path in sorted(folder.glob("part-*")):
        if (match := _PART.match(path.name)) is None:
            continue
        last = max(last, int(match[1]))
        if path.suffix == _SUFFIX and path.name not in counting:
            path.rename(path.with_name(path.name + ASIDE_NAME))
    return folder / f"part-{last + 1:04d}{_SUFFIX}"


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
