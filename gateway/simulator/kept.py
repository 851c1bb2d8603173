"""Keeps what clients ask for again: the newest things, up to a limit."""

from typing import Generic, TypeVar

from gateway.simulator.asgi import JSON

T = TypeVar("T")


class Kept(Generic[T]):
    """Things by identifier, oldest first; the oldest goes when there are too many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._things: dict[str, T] = {}

    def put(self, name: str, thing: T) -> T | None:
        """Keep a thing; gives back the one that had to go."""
        self._things[name] = thing
        if len(self._things) <= self._limit:
            return None
        return self._things.pop(next(iter(self._things)))

    def find(self, name: str) -> T | None:
        """The thing of that name."""
        return self._things.get(name)

    def remove(self, name: str) -> T | None:
        """Give up a thing."""
        return self._things.pop(name, None)

    def all(self) -> list[T]:
        """Everything that is kept, newest first."""
        return list(reversed(self._things.values()))


def page(things: list[JSON]) -> JSON:
    """The only page of a list."""
    return {
        "object": "list",
        "data": things,
        "first_id": things[0]["id"] if things else None,
        "last_id": things[-1]["id"] if things else None,
        "has_more": False,
    }
