"""Takes what is older than the limits out of the warehouse: rows, days in Parquet, and files that were set aside.

The sums of `usage_daily` and `latency_minute` stay: they say nothing of single exchanges.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import msgspec

from storage.packing import sync_folder
from storage.retention import Removed
from storage.warehouse_file import ARCHIVED, Folders, show_archive, transaction

# A warehouse that did not open is looked at within a day or not at all; it holds what everything else has let go.
ASIDE_FOR = timedelta(days=1)
_TABLES: Mapping[str, tuple[str, ...]] = {
    "exchanges": ("kept.exchanges", "kept.begun"),
    "incidents": ("kept.incidents",),
    "feedback": ("kept.feedback",),
    "events": ("kept.events",),
}
_DELETE: Mapping[str, str] = {
    "kept.exchanges": "DELETE FROM kept.exchanges WHERE started < ?",
    "kept.begun": "DELETE FROM kept.begun WHERE started < ?",
    "kept.incidents": "DELETE FROM kept.incidents WHERE happened < ?",
    "kept.feedback": "DELETE FROM kept.feedback WHERE happened < ?",
    "kept.events": "DELETE FROM kept.events WHERE happened < ?",
}
# What tells no time goes with the segment that it stands in.
_DELETE_TIMELESS: Mapping[str, str] = {
    "kept.exchanges": "DELETE FROM kept.exchanges WHERE started IS NULL AND writer = ? AND segment <= ?",
    "kept.begun": "DELETE FROM kept.begun WHERE started IS NULL AND writer = ? AND segment <= ?",
    "kept.incidents": "DELETE FROM kept.incidents WHERE happened IS NULL AND writer = ? AND segment <= ?",
    "kept.feedback": "DELETE FROM kept.feedback WHERE happened IS NULL AND writer = ? AND segment <= ?",
    "kept.events": "DELETE FROM kept.events WHERE happened IS NULL AND writer = ? AND segment <= ?",
    "kept.malformed": "DELETE FROM kept.malformed WHERE writer = ? AND segment <= ?",
}
# A day that has moved to Parquet may have left its bytes in the file, so that they go when the day does.
_DELETE_DAYS = "DELETE FROM kept.archived WHERE kind = ? AND day < ?"
_OLDEST: Mapping[str, str] = {
    "events": """
        SELECT min(moment) FROM (
            SELECT min(started) AS moment FROM kept.exchanges WHERE started < $before
            UNION ALL SELECT min(started) FROM kept.begun WHERE started < $before
            UNION ALL SELECT min(happened) FROM kept.incidents WHERE happened < $before
            UNION ALL SELECT min(happened) FROM kept.events WHERE happened < $before
            UNION ALL SELECT min(day)::TIMESTAMP FROM kept.archived WHERE kind <> 'feedback' AND day < $before::DATE
        )
    """,
    "feedback": """
        SELECT min(moment) FROM (
            SELECT min(happened) AS moment FROM kept.feedback WHERE happened < $before
            UNION ALL SELECT min(day)::TIMESTAMP FROM kept.archived WHERE kind = 'feedback' AND day < $before::DATE
        )
    """,
}


class Limits(msgspec.Struct, frozen=True):
    """What is older than these moments goes."""

    events: datetime
    feedback: datetime

    def of(self, kind: str) -> datetime:
        """Gives the limit of a table's rows, in UTC and without saying so, as DuckDB has it."""
        moment = self.feedback if kind == "feedback" else self.events
        return moment.astimezone(UTC).replace(tzinfo=None)


class Expired(msgspec.Struct, frozen=True):
    """What went out of the warehouse: rows of its file, files of the archive, files that had been set aside."""

    rows: int = 0
    files: int = 0
    aside: int = 0


def overdue(connection: duckdb.DuckDBPyConnection, limits: Limits) -> timedelta | None:
    """Gives how long the oldest row is past its limit, None where none is. Errors: duckdb.Error."""
    found_overdue = []
    for kind, oldest in _OLDEST.items():
        found = connection.execute(oldest, {"before": limits.of(kind)}).fetchone()
        if found is not None and found[0] is not None:
            found_overdue.append(limits.of(kind) - found[0])
    return max(found_overdue, default=None)


def expire_rows(connection: duckdb.DuckDBPyConnection, limits: Limits, removed: Sequence[Removed]) -> int:
    """Takes rows out of the file, and days out of the list of those that count. Errors: duckdb.Error."""
    rows = days = 0
    with transaction(connection):
        for kind, tables in _TABLES.items():
            for table in tables:
                rows += _count(connection.execute(_DELETE[table], [limits.of(kind)]))
            days += _count(connection.execute(_DELETE_DAYS, [kind, limits.of(kind).date()]))
        for each in removed:
            place = [each.writer, each.through]
            for statement in _DELETE_TIMELESS.values():
                rows += _count(connection.execute(statement, place))
            # What is gone by right is not waited for any more.
            connection.execute("UPDATE kept.segments SET done = true WHERE writer = ? AND segment <= ?", place)
        if rows or days:
            connection.execute("INSERT INTO kept.leftovers VALUES (true)")
    show_archive(connection)
    return rows


def has_leftovers(connection: duckdb.DuckDBPyConnection) -> bool:
    """Says whether the bytes of rows that went may still be in the file. Errors: duckdb.Error."""
    return connection.execute("FROM kept.leftovers LIMIT 1").fetchone() is not None


def clear_leftovers(connection: duckdb.DuckDBPyConnection) -> None:
    """Notes that the file was copied since the last rows went. Errors: duckdb.Error."""
    connection.execute("DELETE FROM kept.leftovers")


def expire_files(folders: Folders, limits: Limits, now: datetime) -> Expired:
    """Removes old days of the archive, which do not count any more, and what was set aside. Errors: OSError."""
    files = sum(_expire_days(folders.archive / kind, limits.of(kind).date()) for kind in ARCHIVED)
    aside = 0
    for path in folders.warehouse.glob(f"{folders.file.name}.broken-*"):
        if datetime.fromtimestamp(path.lstat().st_mtime, UTC) < now - ASIDE_FOR:
            path.unlink()
            aside += 1
    return Expired(0, files, aside)


def _expire_days(folder: Path, before: date) -> int:
    files = 0
    for path in folder.glob("day=*"):
        day = _day(path)
        if day is None or day >= before:
            continue
        for file in path.iterdir():
            file.unlink()
            files += 1
        path.rmdir()
    if files:
        sync_folder(folder)
    return files


def _day(path: Path) -> date | None:
    try:
        return date.fromisoformat(path.name.removeprefix("day="))
    except ValueError:
        return None


def _count(result: duckdb.DuckDBPyConnection) -> int:
    found = result.fetchone()
    return int(found[0]) if found else 0
