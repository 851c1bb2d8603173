"""Adds up the deltas of a stream to the object that they describe, in time that grows with their bytes."""

from typing import Any

# Deeper than any delta of the API; what lies below is taken as it is.
MAX_DEPTH = 8
_SAID_ONCE = frozenset(("id", "index", "object", "role", "type"))


class Parts(list[str]):
    """A text that is still growing."""


def add(grown: dict[str, Any], delta: dict[str, Any], depth: int = MAX_DEPTH) -> None:
    """Adds a delta: strings are joined, arrays with an `index` merged by it, others extended, the rest replaced."""
    for key, value in delta.items():
        before = grown.get(key)
        if value is None:
            grown.setdefault(key, None)
        elif value.__class__ is str and key not in _SAID_ONCE:
            if before.__class__ is Parts:
                before.append(value)
            else:
                grown[key] = Parts((value,))
        elif value.__class__ is dict and depth:
            if before.__class__ is not dict:
                before = grown[key] = {}
            add(before, value, depth - 1)
        elif value.__class__ is list and depth:
            if before.__class__ is not Elements:
                before = grown[key] = Elements()
            before.add(value, depth - 1)
        elif value != "" or before is None:
            grown[key] = value


class Elements:
    """An array that is still growing."""

    def __init__(self) -> None:
        self._indexed: dict[int | str, dict[str, Any]] = {}
        self._others: list[Any] = []

    def add(self, values: list[Any], depth: int) -> None:
        """Adds elements: those with an index to the one before of this index, those with an id alone to theirs."""
        for at, value in enumerate(values):
            if value.__class__ is not dict or not (value.get("index").__class__ is int or "function" in value):
                self._others.append(value)
                continue
            index = value.get("index")
            key = index if index.__class__ is int else value.get("id") or at
            place: int | str = key if key.__class__ in (int, str) else at
            add(self._indexed.setdefault(place, {}), value, depth)

    def settled(self, depth: int) -> list[Any]:
        """Gives the array, in the order of the indexes, which a whole reply does not have."""
        order = sorted(
            self._indexed, key=lambda place: (place.__class__ is str, place if place.__class__ is int else 0)
        )
        indexed = [settled(self._indexed[place], depth) for place in order]
        return [*({k: v for k, v in each.items() if k != "index"} for each in indexed), *self._others]


def settled(grown: Any, depth: int = MAX_DEPTH) -> Any:
    """Gives the object with its texts joined."""
    if grown.__class__ is Parts:
        return "".join(grown)
    if grown.__class__ is Elements:
        return grown.settled(depth)
    if grown.__class__ is dict and depth >= 0:
        return {key: settled(value, depth - 1) for key, value in grown.items()}
    return grown
