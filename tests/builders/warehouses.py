"""Opens warehouses over a data folder, and asks them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storage.warehouse import Warehouse


@contextmanager
def warehouse(data: Path, *, views: Mapping[str, str] | None = None, pass_bytes: int = 1 << 20) -> Iterator[Warehouse]:
    """A warehouse that has taken in what the journal holds."""
    opened = Warehouse(data, plugin_views=views, pass_bytes=pass_bytes)
    opened.open()
    try:
        opened.catch_up()
        yield opened
    finally:
        opened.close()


def asked(
    opened: Warehouse, sql: str, parameters: Sequence[Any] = (), principal: str | None = None
) -> list[tuple[Any, ...]]:
    """The rows of an answer."""
    reader = opened.read(principal)
    try:
        with reader.connection() as connection:
            return connection.execute(sql, list(parameters)).fetchall()
    finally:
        reader.close()


def one(opened: Warehouse, sql: str, parameters: Sequence[Any] = (), principal: str | None = None) -> Any:
    """The only value of an answer."""
    [(value,)] = asked(opened, sql, parameters, principal)
    return value


def ids(opened: Warehouse, principal: str | None = None) -> list[str]:
    """The exchanges by name."""
    return [row[0] for row in asked(opened, "SELECT audit_id FROM exchanges ORDER BY audit_id", (), principal)]
