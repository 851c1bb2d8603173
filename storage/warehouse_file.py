"""Opens the DuckDB file of the warehouse: locked settings, tables, views; a file that will not open is set aside."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import duckdb

VERSION = 1
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
    """Another process has the file open."""


class Folders:
    """Where the warehouse keeps what, below the data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()
        self.journal = self.data / "journal"
        self.archive = self.data / "archive"
        self.warehouse = self.data / "warehouse"
        self.file = self.warehouse / "warehouse.duckdb"
        self.fresh = self.warehouse / "fresh.duckdb"

    def make(self) -> None:
        """Makes those that are the warehouse's own. Errors: OSError."""
        self.data.mkdir(parents=True, exist_ok=True)
        for folder in (self.archive, self.warehouse):
            folder.mkdir(exist_ok=True, mode=0o700)

    def slice(self, name: str) -> Path:
        """Gives the file that a slice is loaded from."""
        return self.warehouse / f"slice-{name}.jsonl"


def opened(folders: Folders, plugin_views: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    """Gives a connection to the file, which is made where there is none. Errors: WarehouseBusy, duckdb.Error, OSError.

    Whatever else is raised says that the file is not whole.
    """
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET allowed_directories = ?", [[str(folders.warehouse), str(folders.archive)]])
        for setting in _SETTINGS:
            connection.execute(setting)
        _attach(connection, folders.file, "warehouse")
        connection.execute("USE warehouse")
        _check_version(connection)
        connection.execute(sql("schema.sql"))
        show_folders(connection, folders)
        connection.execute(sql("stand_ins.sql"))
        show_archive(connection)
        for view in (*VIEWS, "of_callers"):
            connection.execute(sql(f"views/{view}.sql"))
        for name, select in plugin_views.items():
            _plugin_view(connection, name, select)
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


def show_folders(connection: duckdb.DuckDBPyConnection, folders: Folders) -> None:
    """Tells a connection where the files are that scripts and views name."""
    connection.execute("SET VARIABLE warehouse = ?", [str(folders.warehouse)])
    connection.execute("SET VARIABLE archive = ?", [str(folders.archive)])


def show_archive(connection: duckdb.DuckDBPyConnection) -> None:
    """Tells a connection which Parquet files its views read, as of its transaction."""
    connection.execute(sql("archived.sql"))


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


def settled(folders: Folders) -> bool:
    """Says whether the file holds everything: nothing is left in a log beside it."""
    return not _wal(folders.file).exists()


def _wal(file: Path) -> Path:
    return file.with_name(f"{file.name}.wal")


def _attach(connection: duckdb.DuckDBPyConnection, file: Path, name: str) -> None:
    try:
        connection.execute(f"ATTACH ? AS {name} (STORAGE_VERSION '{STORAGE_VERSION}')", [str(file)])
    except duckdb.IOException as error:
        if "Could not set lock" in str(error):
            raise WarehouseBusy(f"Another process has {file} open.") from None
        raise


def _check_version(connection: duckdb.DuckDBPyConnection) -> None:
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'kept'").fetchall()
    if not tables:
        connection.execute("CREATE SCHEMA kept; CREATE TABLE kept.about (version INTEGER)")
        connection.execute("INSERT INTO kept.about VALUES (?)", [VERSION])
        return
    found = connection.execute("SELECT max(version) FROM kept.about").fetchone()
    if found is None or found[0] != VERSION:
        raise duckdb.InvalidInputException(f"its version is {found[0] if found else None} and not {VERSION}")


def _plugin_view(connection: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    """Makes a plugin's view; callers see it where it has a column `caller`."""
    connection.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {select}")
    columns = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'main' AND table_name = ?", [name]
    ).fetchall()
    if ("caller",) in columns:
        connection.execute(
            f"CREATE OR REPLACE VIEW caller.{quoted(name)} AS SELECT * FROM main.{quoted(name)} "  # noqa: S608
            "WHERE caller = getvariable('principal') LIMIT 9223372036854775807"
        )
