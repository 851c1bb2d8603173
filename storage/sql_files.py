"""Writes an answer as one file, Parquet or an Arrow stream, as long as it stays within what a file may hold."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import msgspec
from nanoarrow import ArrayStream, c_schema
from nanoarrow.c_array_stream import CArrayStream
from nanoarrow.ipc import StreamWriter

from storage.sql_check import SqlRefused, reason
from storage.sql_formats import Column, columns_of

Parameters: TypeAlias = Mapping[str, Any] | Sequence[Any]
FILE_BYTES = 64 << 20
# DuckDB's own way takes 64 times as many into memory, whatever a row holds.
_BATCH_ROWS = 2048
_INSTEAD = "Narrow it, or take JSON or CSV, which come in pages."


class File(msgspec.Struct, frozen=True):
    """The bytes of a file, and what is in it."""

    columns: tuple[Column, ...]
    rows: int
    body: bytes


def parquet_file(
    connection: duckdb.DuckDBPyConnection, select: str, parameters: Parameters, most_rows: int, path: Path
) -> File:
    """Gives the rows of a SELECT as Parquet, which DuckDB writes to `path` first. Errors: SqlRefused, duckdb.Error."""
    connection.execute("SET VARIABLE answer = ?", [str(path)])
    copied = connection.execute(
        f"COPY ({_limited(select, most_rows)}) TO (getvariable('answer')) (FORMAT parquet, COMPRESSION zstd)",
        parameters,
    ).fetchone()
    rows = int(copied[0]) if copied else 0
    check_size(rows, most_rows, path.stat().st_size)
    columns = columns_of(connection.execute("FROM read_parquet(getvariable('answer')) LIMIT 0").description)
    return File(columns, rows, path.read_bytes())


def arrow_stream(connection: duckdb.DuckDBPyConnection, select: str, parameters: Parameters, most_rows: int) -> File:
    """Gives the rows of a SELECT as an Arrow IPC stream. Errors: SqlRefused, duckdb.Error."""
    values = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
    # What has a public name needs pyarrow, or chooses the size of the batches itself.
    result = connection._submit(_limited(select, most_rows), values or None, "stream", _BATCH_ROWS)
    columns = columns_of(result.description)
    body = io.BytesIO()
    rows = 0
    try:
        with StreamWriter.from_writable(body) as writer, ArrayStream(result.arrow_capsule()) as batches:
            writer.write_stream(CArrayStream.from_c_arrays([], c_schema(batches.schema), validate=False))
            for batch in batches:
                rows += len(batch)
                writer.write_array(batch)
                check_size(rows, most_rows, body.tell())
    except RuntimeError as error:
        raise _of_arrow(error) from None
    return File(columns, rows, body.getvalue())


def check_size(rows: int, most_rows: int, size: int) -> None:
    """Refuses a file that holds too much; `size` in bytes. Errors: SqlRefused."""
    if rows > most_rows:
        raise SqlRefused(f"The answer has more than {most_rows} rows, which is the limit of a file. {_INSTEAD}")
    if size > FILE_BYTES:
        raise SqlRefused(f"The answer has more than {FILE_BYTES >> 20} MiB, which is the limit of a file. {_INSTEAD}")


def _limited(select: str, most_rows: int) -> str:
    return f"SELECT * FROM ({select}) LIMIT {most_rows + 1}"  # noqa: S608


def _of_arrow(error: RuntimeError) -> Exception:
    """Gives the error behind one of the stream's, which carries what DuckDB said as text."""
    said = str(error)
    if "INTERRUPT" in said:
        return duckdb.InterruptException(said)
    if "dictionary" in said:
        return SqlRefused("Arrow cannot hold an ENUM here: cast it to VARCHAR.")
    if "Out of Memory" in said or "bad_alloc" in said or "bad allocation" in said:
        return duckdb.OutOfMemoryException(said)
    return SqlRefused(f"It cannot be answered: {reason(said.partition(': ')[2] or said)}")
