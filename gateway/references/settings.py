"""The page of the settings: each key of the file with its type and default, and what the environment may say."""

import inspect
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from gateway.configuration import ENVIRONMENT
from gateway.flags import KNOWN_FLAGS, WORDS
from gateway.loader import Common
from gateway.references.tables import code, table
from gateway.settings import AcceptedGap, Key, Settings
from policies.document import Size

TITLE = "Settings"
_OTHER_ENVIRONMENT = (
    ("LUKHAS_CONFIG", "the settings file"),
    ("LUKHAS_ADMIN_KEY", "a Bearer key with all permissions on our own routes"),
    ("LUKHAS_LOG_LEVEL", "debug, info, warning (default) or error: the program's own log, on standard error"),
)


def page() -> list[str]:
    """Gives the lines."""
    lines = [
        "Keys of the settings file (`--config`, `LUKHAS_CONFIG`, or `lukhas.yaml` where the command runs). A flag goes",
        "over the environment, the environment over the file. An unknown key is an error with its line.",
        "",
    ]
    top = []
    for field in msgspec.structs.fields(Settings):
        if _is_section(field.type):
            lines += [f"## {field.name}", "", inspect.getdoc(field.type) or "", "", *_keys(field.type), ""]
        else:
            top.append(field)
    lines += ["## At the top", "", inspect.getdoc(Settings) or "", "", *_table(top), ""]
    lines += ["## One of auth.keys", "", inspect.getdoc(Key) or "", "", *_keys(Key), ""]
    lines += ["## One of coverage.accepted_gaps", "", inspect.getdoc(AcceptedGap) or "", "", *_keys(AcceptedGap), ""]
    lines += ["## Any of plugins", "", inspect.getdoc(Common) or "", "", *_keys(Common), ""]
    lines += ["## Environment", "", *table(("variable", "is"), [*_environment(), *_other()]), ""]
    return [*lines, "## Flags", "", *_flags()]


def _flags() -> list[str]:
    words = [f"{code(name)} takes {' or '.join(map(code, words))}" for name, words in WORDS.items()]
    return [
        f"Names that `flags` may hold: {', '.join(map(code, KNOWN_FLAGS))}. Each is `on`, `off` or a share of the",
        f"callers such as `25%`; {'; '.join(words)}. In the environment they begin with `FLAG_`: [Flags](../flags.md).",
    ]


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _keys(kind: Any) -> list[str]:
    return _table(list(msgspec.structs.fields(kind)))


def _table(fields: list[msgspec.structs.FieldInfo]) -> list[str]:
    return table(
        ("key", "type", "default"), [(code(field.name), type_of(field.type), _default(field)) for field in fields]
    )


def type_of(kind: Any) -> str:
    """Gives a type as an operator reads it."""
    arguments = get_args(kind)
    origin = get_origin(kind)
    if origin is Annotated:
        return f"{type_of(arguments[0])}{_bounds(arguments[1])}"
    if origin is Literal:
        return ", ".join(map(code, arguments))
    if origin is tuple:
        return f"list of {type_of(arguments[0])}"
    if origin is dict:
        return f"{type_of(arguments[1])}, by name"
    if arguments:
        return " or ".join(type_of(each) for each in arguments if each is not NoneType)
    if kind is Size:
        return "size"
    return {str: "text", int: "number", float: "number", bool: "yes or no", Any: "anything"}.get(
        kind, getattr(kind, "__name__", str(kind)).lower()
    )


def _bounds(meta: msgspec.Meta) -> str:
    bounds = [
        f"{word} {value}"
        for word, value in (("from", meta.ge), ("above", meta.gt), ("to", meta.le), ("below", meta.lt))
        if value is not None
    ]
    if meta.min_length:
        bounds.append(f"of {meta.min_length} characters or more")
    return f" ({', '.join(bounds)})" if bounds else ""


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if isinstance(value, Size):
        return code(_size(value))
    return code(msgspec.json.encode(value).decode())


def _size(value: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value >= size and value % size == 0:
            return f"{value // size} {unit}"
    return str(value)


def _environment() -> list[tuple[str, str]]:
    return [(code(name), code(f"{section}.{key}")) for name, (section, key) in ENVIRONMENT.items()]


def _other() -> list[tuple[str, str]]:
    return [(code(name), says) for name, says in _OTHER_ENVIRONMENT]
