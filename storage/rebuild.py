"""Makes a new warehouse know the Parquet files of the archive, so that the journal brings only what is not in them."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from storage.parquet import WORKING_NAME, Archived, is_whole, note, number
from storage.warehouse_file import ARCHIVED, VERSION, Folders, rolled_back, show_archive, sql


def is_new(connection: duckdb.DuckDBPyConnection) -> bool:
    """Says whether the archive has not been taken in (yet). Errors: duckdb.Error."""
    return connection.execute("FROM kept.about").fetchone() is None


def readmit(connection: duckdb.DuckDBPyConnection, folders: Folders) -> list[str]:
    """Takes the archive in, all of it or nothing; gives what is wrong with its files. Errors: duckdb.Error, OSError."""
    broken: dict[Path, str] = {}
    while True:
        connection.execute("BEGIN")
        taking: Path | None = None
        try:
            for kind, path in _files(folders):
                taking = path
                if path not in broken:
                    _take(connection, folders, kind, path)
            taking = None
            connection.execute("INSERT INTO kept.about VALUES (?)", [VERSION])
            connection.execute("COMMIT")
        except duckdb.Error:
            rolled_back(connection)
            if taking is None:
                raise
            broken[taking] = f"{taking} cannot be read: its rows come from the journal, as far as they are there."
            continue
        show_archive(connection)
        return list(broken.values())


def missing_files(connection: duckdb.DuckDBPyConnection, folders: Folders) -> list[Path]:
    """Gives the files that should be there, and are not or are cut short. Errors: duckdb.Error."""
    rows = connection.execute("SELECT file FROM kept.archived ORDER BY file").fetchall()
    return [folders.archive / file for (file,) in rows if not is_whole(folders.archive / file)]


def clear_away(folders: Folders) -> None:
    """Takes away what a kill left of files that were being written. Errors: OSError."""
    for path in (*folders.archive.rglob(f"*.parquet{WORKING_NAME}"), *folders.warehouse.glob("slice-*.jsonl")):
        path.unlink()
    for path in folders.warehouse.glob("answer-*.parquet"):
        path.unlink()
    shutil.rmtree(folders.spill, ignore_errors=True)


def _files(folders: Folders) -> Iterator[tuple[str, Path]]:
    for kind in ARCHIVED:
        for path in sorted((folders.archive / kind).glob("day=*/part-*.parquet")):
            yield kind, path


def _take(connection: duckdb.DuckDBPyConnection, folders: Folders, kind: str, path: Path) -> None:
    execute = connection.execute
    about = path.stat()
    execute("SET VARIABLE file = ?", [str(path)])
    rows = number(execute("SELECT count(*) FROM read_parquet(getvariable('file'))"))
    execute("INSERT INTO kept.already SELECT writer, segment, position FROM read_parquet(getvariable('file'))")
    if kind == "exchanges":
        execute("CREATE OR REPLACE TEMP TABLE incoming AS FROM read_parquet(getvariable('file'))")
        execute(sql("counting.sql"))
        execute("DROP TABLE incoming")
    day = date.fromisoformat(path.parent.name.removeprefix("day="))
    file = path.relative_to(folders.archive).as_posix()
    note(connection, Archived(kind, day, file, rows, about.st_size), datetime.fromtimestamp(about.st_mtime, UTC))
