"""Writes JSON that holds the values of strangers, for records and errors: it loses a character, never the line."""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import FieldInfo, fields

_ENCODER = msgspec.json.Encoder()
_CANONICAL = msgspec.json.Encoder(order="deterministic")
DEEPEST = 64
LONGEST_NUMBER = 1024


def written(value: msgspec.Struct | Mapping[str, Any]) -> bytes:
    """Gives the value as JSON; what JSON cannot hold (lone surrogates, objects of no kind) stands there by a sign."""
    try:
        return _ENCODER.encode(value)
    except Exception:  # noqa: BLE001 - the answers of plugins are in it
        return _ENCODER.encode(writable(value))


def canonical(value: msgspec.Struct) -> bytes:
    """Gives the value as `written` does, and in the one spelling that a value has.

    Members of structs stand in their order, those of mappings and the elements of sets sorted; a number is the
    shortest that reads back the same, and null where it is none; no spaces, UTF-8.
    """
    try:
        return _CANONICAL.encode(value)
    except Exception:  # noqa: BLE001 - the answers of plugins are in it
        # In what `writable` gives, structs are mappings, which must not be sorted once more.
        return _ENCODER.encode(writable(value, ordered=True))


def writable(value: Any, deep: int = 0, *, ordered: bool = False) -> Any:
    """Gives the value in what JSON can hold; `ordered` sorts the members of mappings and the elements of sets."""
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
        return _members(value, deep, ordered)
    if isinstance(value, Mapping):
        members = {str(writable(str(key))): writable(each, deep + 1, ordered=ordered) for key, each in value.items()}
        return dict(sorted(members.items())) if ordered else members
    if isinstance(value, list | tuple | Set):
        elements = [writable(each, deep + 1, ordered=ordered) for each in value]
        return sorted(elements, key=_ENCODER.encode) if ordered and isinstance(value, Set) else elements
    return f"<{type(value).__name__}>"


def _members(value: msgspec.Struct, deep: int, ordered: bool) -> dict[str, Any]:
    tag = value.__struct_config__
    named = {tag.tag_field: tag.tag} if tag.tag_field is not None else {}
    said = {each.encode_name: getattr(value, each.name) for each in fields(value) if not _is_left_out(value, each)}
    return named | {name: writable(each, deep + 1, ordered=ordered) for name, each in said.items()}


def _is_left_out(value: msgspec.Struct, field: FieldInfo) -> bool:
    """Whether msgspec leaves this member out, because nothing stands in it or it has its default."""
    said = getattr(value, field.name)
    if said is msgspec.UNSET or not value.__struct_config__.omit_defaults:
        return said is msgspec.UNSET
    if field.default_factory is not msgspec.NODEFAULT:
        return said.__class__ is field.default_factory and not said
    return said is field.default or (said.__class__ is field.default.__class__ and bool(said == field.default))
