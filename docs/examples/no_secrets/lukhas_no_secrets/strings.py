"""Finds the strings of a JSON value, and where each stands."""

from collections.abc import Iterator
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]


def strings_of(value: Any) -> Iterator[tuple[Path, str]]:
    """Gives each string with its path, `("messages", 0, "content")`; the names of members are not among them."""
    waiting: list[tuple[Path, Any]] = [((), value)]
    while waiting:
        path, each = waiting.pop()
        if isinstance(each, str):
            yield path, each
        elif isinstance(each, dict):
            waiting += [((*path, name), member) for name, member in each.items()]
        elif isinstance(each, list):
            waiting += [((*path, number), member) for number, member in enumerate(each)]
