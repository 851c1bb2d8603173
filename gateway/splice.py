"""Changes members of a JSON text in place: what no change names keeps its bytes.

Key order, spacing, numbers such as 1e-7 or beyond 64 bits, and unknown fields stay as their sender wrote them.
The text has been read before (`json_body.read_json`), so that it is known to be JSON without duplicate keys.
"""

import json
import re
from collections.abc import Iterable
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from gateway.answers import Change, Insert, Path, Remove, Set

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class SpliceError(ValueError):
    """A change names a place that the body does not have."""


class _Member(NamedTuple):
    """Where a member stands in the text: the start of its key (or value, in an array), its value, its end."""

    key: str | int
    start: int
    value: int
    end: int


def spliced(body: bytes, changes: Iterable[Change]) -> bytes:
    """Gives the body with the changes made one after the other. Errors: SpliceError."""
    text = body.decode()
    for change in changes:
        if isinstance(change, Set):
            text = _set(text, _after_space(text, 0), change.path, _written(change.value))
        elif isinstance(change, Insert):
            text = _insert(text, change)
        else:
            text = _remove(text, change)
    return text.encode()


def cut_out(body: bytes, path: Path) -> bytes:
    """Gives the value at `path` as it is written there. Errors: SpliceError."""
    text = body.decode()
    at = _find(text, _after_space(text, 0), path)
    return text[at : _DECODER.raw_decode(text, at)[1]].encode()


def put_in(body: bytes, path: Path, value: bytes) -> bytes:
    """Gives the body with a value, as it is written, at `path`. Errors: SpliceError."""
    text = body.decode()
    return _set(text, _after_space(text, 0), path, value.decode()).encode()


def _written(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half a character can stand in JSON by its escape alone.
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _members(text: str, at: int) -> list[_Member]:
    """Gives the members of the object or array that begins at `at`."""
    closing = {"{": "}", "[": "]"}.get(text[at])
    if closing is None:
        raise SpliceError("neither an object nor an array")
    found: list[_Member] = []
    at = _after_space(text, at + 1)
    while text[at] != closing:
        start = at
        key: str | int = len(found)
        if closing == "}":
            key, at = scanstring(text, at + 1, True)
            at = _after_space(text, _after_space(text, at) + 1)
        end = _DECODER.raw_decode(text, at)[1]
        found.append(_Member(key, start, at, end))
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)
    return found


def _find(text: str, at: int, path: Path) -> int:
    """Gives where the value at `path` begins, below the value that begins at `at`."""
    for key in path:
        member = next((each for each in _members(text, at) if each.key == key), None)
        if member is None:
            raise SpliceError(f"the body has no {'.'.join(map(str, path))}")
        at = member.value
    return at


def _set(text: str, at: int, path: Path, value: str) -> str:
    if not path:
        return text[:at] + value + text[_DECODER.raw_decode(text, at)[1] :]
    parent = _find(text, at, path[:-1])
    members = _members(text, parent)
    for member in members:
        if member.key == path[-1]:
            return text[: member.value] + value + text[member.end :]
    if text[parent] != "{" or not isinstance(path[-1], str):
        raise SpliceError(f"the body has no {'.'.join(map(str, path))}")
    return _added(text, parent, members, len(members), f"{_written(path[-1])}:{value}")


def _insert(text: str, change: Insert) -> str:
    parent = _find(text, _after_space(text, 0), change.path)
    if text[parent] != "[":
        raise SpliceError(f"{'.'.join(map(str, change.path))} is not an array")
    return _added(text, parent, _members(text, parent), change.at, _written(change.value))


def _added(text: str, parent: int, members: list[_Member], at: int, piece: str) -> str:
    if not members:
        return text[: parent + 1] + piece + text[parent + 1 :]
    if at < len(members):
        place = members[at].start
        return f"{text[:place]}{piece},{text[place:]}"
    place = members[-1].end
    return f"{text[:place]},{piece}{text[place:]}"


def _remove(text: str, change: Remove) -> str:
    try:
        members = _members(text, _find(text, _after_space(text, 0), change.path[:-1]))
    except SpliceError:
        return text
    for number, member in enumerate(members):
        if member.key == change.path[-1]:
            if number + 1 < len(members):
                return text[: member.start] + text[members[number + 1].start :]
            if number:
                return text[: members[number - 1].end] + text[member.end :]
            return text[: member.start] + text[member.end :]
    return text
