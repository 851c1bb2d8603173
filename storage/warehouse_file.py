"""Opens the DuckDB file of the warehouse: locked settings, tables, views; a file that will not open is set aside."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import duckdb

from storage.shown_people import TABLE

VERSION = 3
STORAGE_VERSION = "v1.5.0"
MEMORY = "512MB"
SPILL = "4GB"
VIEWS = (
    "exchanges",
    "attempts",
    "tool_calls",
    "incidents",
    "signals",
    "changes",
    "moderation",
    "feedback",
    "usage_daily",
    "latency_minute",
)
"""What people ask, in the order in which the views are made."""
ARCHIVED = ("exchanges", "incidents", "feedback", "events")
"""The tables whose old days become Parquet."""
# Each is a setting of the whole instance; the last one locks them.
_SETTINGS = (
    "SET threads = 1",
    f"SET memory_limit = '{MEMORY}'",
    f"SET max_temp_directory_size = '{SPILL}'",
    "SET GLOBAL TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


class WarehouseError(Exception):
    """The warehouse cannot do it; the message is a sentence."""


class WarehouseBusy(WarehouseError):
    """It is open already, here or in another process."""


class Folders:
    """Where the warehouse keeps what, below the data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()
        self.journal = self.data / "journal"
        self.archive = self.data / "archive"
        self.warehouse = self.data / "warehouse"
        self.file = self.warehouse / "warehouse.duckdb"
        self.spill = self.warehouse / "spill"
        self.fresh = self.warehouse / "fresh.duckdb"

    def make(self) -> None:
        """Makes those that are the warehouse's own. Errors: OSError."""
        self.data.mkdir(parents=True, exist_ok=True)
        for folder in (self.archive, self.warehouse):
            folder.mkdir(exist_ok=True, mode=0o700)

    def slice(self, name: str) -> Path:
        """Gives the file that a slice is loaded from."""
        return self.warehouse / f"slice-{name}.jsonl"


def claimed(folders: Folders) -> int:
    """Locks the warehouse for as long as the descriptor is open. Errors: WarehouseBusy, OSError.

    DuckDB's own lock does not keep a process from opening a file twice, and then both write it.
    """
    fd = os.open(folders.warehouse, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise WarehouseBusy(f"The warehouse {folders.warehouse} is open already.") from None
    return fd


def opened(folders: Folders) -> duckdb.DuckDBPyConnection:
    """Gives a connection to the file, which is made where there is none. Errors: duckdb.Error, OSError."""
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET allowed_directories = ?", [[str(folders.warehouse), str(folders.archive)]])
        connection.execute("SET temp_directory = ?", [str(folders.spill)])
        for setting in _SETTINGS:
            connection.execute(setting)
        _attach(connection, folders.file, "warehouse")
        connection.execute("USE warehouse")
        show_folders(connection, folders)
        connection.execute(TABLE)
        with transaction(connection):
            _make(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def sql(name: str) -> str:
    """Gives one of the scripts that stand beside this file."""
    return (files("storage") / name).read_text(encoding="utf-8")


def quoted(name: str) -> str:
    """Gives a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def attach_fresh(connection: duckdb.DuckDBPyConnection, folders: Folders) -> None:
    """Adds an empty file under the name `fresh`, with the tables in it. Errors: duckdb.Error, OSError."""
    for path in (folders.fresh, _wal(folders.fresh)):
        path.unlink(missing_ok=True)
    _attach(connection, folders.fresh, "fresh")


def drop_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Takes the views of plugins away. Errors: duckdb.Error."""
    found = connection.execute(
        "SELECT schema_name, view_name FROM duckdb_views() WHERE schema_name IN ('main', 'caller') AND NOT internal "
        "AND NOT list_contains(?, view_name)",
        [VIEWS],
    ).fetchall()
    for schema, name in found:
        connection.execute(f"DROP VIEW {schema}.{quoted(name)}")


def make_view(connection: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    """Makes a plugin's view; callers see it where it has a column `caller`. Errors: duckdb.Error."""
    connection.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {select}")
    columns = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'main' AND table_name = ?", [name]
    ).fetchall()
    if ("caller",) in columns:
        connection.execute(
            f"CREATE OR REPLACE VIEW caller.{quoted(name)} AS SELECT * FROM main.{quoted(name)} "  # noqa: S608
            "WHERE caller = getvariable('principal') LIMIT 9223372036854775807"
        )


def show_folders(connection: duckdb.DuckDBPyConnection, folders: Folders) -> None:
    """Tells a connection where the files are that scripts and views name."""
    connection.execute("SET VARIABLE warehouse = ?", [str(folders.warehouse)])
    connection.execute("SET VARIABLE archive = ?", [str(folders.archive)])


def show_archive(connection: duckdb.DuckDBPyConnection) -> None:
    """Tells a connection which Parquet files its views read, as of its transaction."""
    connection.execute(sql("archived.sql"))


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Makes what is done in the `with` happen as a whole or not at all. Errors: duckdb.Error."""
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        rolled_back(connection)
        raise


def rolled_back(connection: duckdb.DuckDBPyConnection) -> None:
    """Ends a transaction, also where the error that is on its way has ended it already."""
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        return


def set_aside(folders: Folders, now: datetime) -> Path:
    """Gives the file another name, and its log with it, so that a new one can be made. Errors: OSError."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
    aside = folders.file.with_name(f"{folders.file.name}.broken-{stamp}")
    with suppress(FileNotFoundError):
        folders.file.rename(aside)
    with suppress(FileNotFoundError):
        _wal(folders.file).rename(_wal(aside))
    return aside


def size(folders: Folders) -> int:
    """Gives the bytes of the file and of the log beside it. Errors: OSError."""
    return sum(path.stat().st_size for path in (folders.file, _wal(folders.file)) if path.exists())


def idle_share(connection: duckdb.DuckDBPyConnection) -> float:
    """Gives the part of the file's blocks, 0 to 1, that hold nothing. Errors: duckdb.Error."""
    found = connection.execute(
        "SELECT free_blocks / greatest(total_blocks, 1) FROM pragma_database_size() WHERE database_name = 'warehouse'"
    ).fetchone()
    return float(found[0]) if found else 0.0


def settled(folders: Folders) -> bool:
    """Says whether the file holds everything: nothing is left in a log beside it."""
    return not _wal(folders.file).exists()


def _wal(file: Path) -> Path:
    return file.with_name(f"{file.name}.wal")


def _attach(connection: duckdb.DuckDBPyConnection, file: Path, name: str) -> None:
    connection.execute(f"ATTACH ? AS {name} (STORAGE_VERSION '{STORAGE_VERSION}')", [str(file)])


def _make(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes tables and views, where they are not those of these very scripts already."""
    connection.execute(sql("about.sql"))
    found = connection.execute("SELECT version FROM kept.about").fetchone()
    if found is not None and found[0] != VERSION:
        raise duckdb.InvalidInputException(f"its version is {found[0]} and not {VERSION}")
    scripts = [
        sql(name) for name in ("schema.sql", *(f"views/{view}.sql" for view in (*VIEWS, "records", "of_callers")))
    ]
    mark = sha256("".join(scripts).encode()).hexdigest()
    are_these = connection.execute("SELECT mark FROM kept.scripts").fetchone() == (mark,)
    if not are_these:
        connection.execute(scripts[0])
    connection.execute(sql("stand_ins.sql"))
    show_archive(connection)
    if not are_these:
        for script in scripts[1:]:
            connection.execute(script)
        connection.execute("DELETE FROM kept.scripts")
        connection.execute("INSERT INTO kept.scripts VALUES (?)", [mark])
