"""Reads JSON that strangers wrote: a member of the wrong type is as good as none, and nothing raises."""

import json
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import msgspec

# What is no text although it may be a string: pictures, sound, files, encrypted state; names of things.
_SEALED = frozenset(("audio", "data", "encrypted_content", "file", "file_data", "file_url", "image_url", "input_audio"))
_NAMES = frozenset(("call_id", "detail", "file_id", "id", "item_id", "role", "status", "tool_call_id", "type", "url"))
_NO_TEXT = _SEALED | _NAMES
_WITHOUT_END = repeat(None)


def decoded(data: bytes) -> Any:
    """Gives the JSON value of these bytes, `msgspec.UNSET` where they are no JSON."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        # Half of a surrogate pair at the border of two deltas, which clients read without complaint.
        return json.loads(data.decode())
    except (ValueError, RecursionError):
        return msgspec.UNSET


def member(value: Any, key: str) -> Any:
    """Gives a member of an object, None where there is none."""
    return value.get(key) if value.__class__ is dict else None


def string(value: Any, key: str) -> str:
    """Gives a string member, empty where there is none."""
    found = value.get(key) if value.__class__ is dict else None
    return found if found.__class__ is str else ""


def number(value: Any, key: str, default: int = 0) -> int:
    """Gives a whole number, `default` where there is none."""
    found = value.get(key) if value.__class__ is dict else None
    return found if found.__class__ is int else default


def elements(value: Any, key: str) -> list[Any]:
    """Gives an array member, empty where there is none."""
    found = value.get(key) if value.__class__ is dict else None
    return found if found.__class__ is list else []


def written(value: Any) -> str:
    """Gives a JSON value as text: a string as it is, nothing for None."""
    if value is None or value.__class__ is str:
        return value or ""
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return ""


def texts(value: Any, budget: Iterator[object] = _WITHOUT_END) -> Iterator[str]:
    """Gives the strings at any depth of a JSON value in their order, without those that are no text.

    Every value that is looked at takes one from the `budget`; where that is at its end, the strings are.
    """
    waiting = [value]
    for _ in budget:
        if not waiting:
            return
        each = waiting.pop()
        if each.__class__ is str:
            yield each
        elif each.__class__ is list:
            waiting.extend(reversed(each))
        elif each.__class__ is dict:
            waiting.extend(inner for key, inner in reversed(each.items()) if key not in _NO_TEXT)
