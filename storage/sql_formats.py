"""Writes the rows of an answer as CSV or JSON; times say that they are UTC, and no cell of a table is a formula."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import msgspec

Format: TypeAlias = Literal["json", "csv", "parquet", "arrow"]
FILES = frozenset[Format](("parquet", "arrow"))
"""The formats that come in one piece; the others come in pages."""
Row: TypeAlias = Sequence[Any]
_LARGEST = 2**64
# What a spreadsheet takes for the beginning of a formula; the last two hide one behind blanks that it strips.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Column(msgspec.Struct, frozen=True):
    """A column of an answer, with the type as DuckDB names it."""

    name: str
    type: str


def columns_of(description: Sequence[Sequence[Any]] | None) -> tuple[Column, ...]:
    """Gives the columns of a result, which DuckDB describes as (name, type, ...)."""
    return tuple(Column(each[0], str(each[1])) for each in description or ())


class _Page(msgspec.Struct, frozen=True):
    columns: Sequence[Column]
    rows: Sequence[Row]
    next: str | None


def json_page(columns: Sequence[Column], rows: Sequence[Row], following: str | None) -> bytes:
    """Gives `{"columns": [{"name", "type"}], "rows": [[...]], "next": token or null}`."""
    return msgspec.json.Encoder(decimal_format="number").encode(_Page(columns, rows, following))


def csv_page(columns: Sequence[Column], rows: Sequence[Row], *, first: bool) -> bytes:
    """Gives lines of CSV (RFC 4180), with the names of the columns above them on the first page."""
    text = io.StringIO()
    writer = csv.writer(text)
    if first:
        writer.writerow([_harmless(column.name) for column in columns])
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode()


def plain_rows(columns: Sequence[Column], rows: Sequence[Row]) -> list[list[Any]]:
    """Gives the rows in what JSON knows: times with their zone, bytes in hexadecimal, JSON as what it says."""
    readers = [_READERS.get(column.type, _plain) for column in columns]
    return [[None if value is None else read(value) for read, value in zip(readers, row, strict=True)] for row in rows]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str | float | Decimal):
        return value
    if isinstance(value, int):
        return value if -_LARGEST // 2 <= value < _LARGEST else str(value)
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(each) for each in value]
    try:
        return msgspec.to_builtins(value)
    except TypeError:
        return str(value)


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _json(value: str) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value


_READERS: Mapping[str, Callable[[Any], Any]] = {"JSON": _json}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _harmless(value)
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else repr(value)
    if isinstance(value, Decimal):
        return str(value)
    return _harmless(msgspec.json.encode(value).decode().strip('"'))


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
