"""Writes JSON that holds the values of strangers, for records and errors: it loses a character, never the line."""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder()
DEEPEST = 64
LONGEST_NUMBER = 1024


def written(value: msgspec.Struct | Mapping[str, Any]) -> bytes:
    """Gives the value as JSON; what JSON cannot hold (lone surrogates, objects of no kind) stands there by a sign."""
    try:
        return _ENCODER.encode(value)
    except Exception:  # noqa: BLE001 - the answers of plugins are in it
        return _ENCODER.encode(writable(value))


def writable(value: Any, deep: int = 0) -> Any:
    """Gives the value in what JSON can hold."""
    if value is None or isinstance(value, bool | datetime):
        return value
    if isinstance(value, float):
        return float(value)  # the numbers of NumPy are floats of their own, which JSON does not know
    if isinstance(value, int):
        return int(value) if value.bit_length() <= LONGEST_NUMBER else f"<{type(value).__name__}>"
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if deep == DEEPEST:
        return "..."
    if isinstance(value, msgspec.Struct):
        return _members(value, deep)
    if isinstance(value, Mapping):
        return {str(writable(str(key))): writable(each, deep + 1) for key, each in value.items()}
    if isinstance(value, list | tuple | Set):
        return [writable(each, deep + 1) for each in value]
    return f"<{type(value).__name__}>"


def _members(value: msgspec.Struct, deep: int) -> dict[str, Any]:
    tag = value.__struct_config__
    named = {tag.tag_field: tag.tag} if tag.tag_field is not None else {}
    return named | {name: writable(getattr(value, name), deep + 1) for name in value.__struct_fields__}
