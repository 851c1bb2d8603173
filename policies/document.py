"""Reads what an operator writes: YAML into typed, frozen values, with errors that name file, line and key."""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import NoneType
from typing import Any, TypeAlias, TypeVar, get_args

import msgspec
import yaml
from yaml.composer import Composer

Document = TypeVar("Document")
Place: TypeAlias = tuple[str | int, ...]
Lines: TypeAlias = dict[Place, int]
_AT = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]*)`")
_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


class DocumentError(Exception):
    """A document of the operator is wrong; the message names the file, the line, the key, and what is allowed."""


class Size(int):
    """A number of bytes; written as a number or with a unit: `50 MiB`, `64 KiB`, `1 GiB`."""


MOST_VALUES = 50_000
_TOO_DEEP = "it is nested too deeply to be read."
_PLAIN_TAG = "tag:yaml.org,2002:"
_TYPE_NAME = re.compile(r"`(\w+)(?: \| null)?`")
_IN_WORDS = {
    "object": "a mapping",
    "array": "a list",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}
_UNITS = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def read_document(text: str, kind: type[Document], source: str) -> Document:
    """Gives the document in `text` as a value of `kind`; `source` is its name in errors. Errors: DocumentError."""
    node = _composed(text, source)
    if node is None:
        return converted({}, kind, source)
    lines: Lines = {}
    values = _all_values(node, lines, source)
    if isinstance(values, dict):
        values = {key: value for key, value in values.items() if value is not None}
    return converted({} if values is None else values, kind, source, lines)


def converted(
    values: Any, kind: type[Document], source: str, lines: Lines | None = None, below: Place = ()
) -> Document:
    """Gives plain values as a value of `kind`; `below` is where they stand in the document. Errors: DocumentError."""
    try:
        return msgspec.convert(values, kind, dec_hook=_custom)
    except msgspec.ValidationError as error:
        place, what = _explained(str(error), kind)
        raise fault(source, lines or {}, (*below, *place), what) from None


def fault(source: str, lines: Mapping[Place, int], place: Place, what: str) -> DocumentError:
    """Gives the error that says what is wrong at a place of a document, with the line nearest to it."""
    line = next((lines[place[:length]] for length in range(len(place), -1, -1) if place[:length] in lines), None)
    where = f"{source}, line {line}" if line else source
    return DocumentError(f"{where}, {_dotted(place)}: {what}" if place else f"{where}: {what}")


def lines_in(path: Path) -> Lines:
    """Gives the line of each key in a file that has been read before."""
    lines: Lines = {}
    node = _composed(path.read_text(encoding="utf-8"), str(path))
    if node is not None:
        _all_values(node, lines, str(path))
    return lines


def read_file(path: Path, kind: type[Document]) -> Document:
    """Gives the document in a file as a value of `kind`. Errors: DocumentError."""
    return read_document(file_text(path), kind, str(path))


def file_text(path: Path) -> str:
    """Gives the text of a file. Errors: DocumentError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise DocumentError(f"{path}: cannot be read: {reason}.") from None


# Where PyYAML was built without libyaml there is no such reader, and its own one is slow, but the same.
if yaml.__with_libyaml__:

    class _Quick(Composer, yaml.CSafeLoader):
        """Reads with libyaml, ten times as fast; puts the nodes together in Python, where depth has a limit."""

        def __init__(self, text: str) -> None:
            yaml.CSafeLoader.__init__(self, text)
            Composer.__init__(self)


def _composed(text: str, source: str) -> yaml.Node | None:
    if not yaml.__with_libyaml__:
        return _composed_slowly(text, source)
    try:
        return _Quick(text).get_single_node()
    except (yaml.YAMLError, UnicodeEncodeError, RecursionError):
        # PyYAML's own reader says better what is wrong.
        return _composed_slowly(text, source)


def _composed_slowly(text: str, source: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DocumentError(f"{source}, line {line}: not YAML: {error.problem}.") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DocumentError(f"{source}, line {line}: not YAML: it holds the character {error.character!r}.") from None
    except RecursionError:
        raise DocumentError(f"{source}: {_TOO_DEEP}") from None


def _all_values(node: yaml.Node, lines: Lines, source: str) -> Any:
    try:
        return _values(node, (), lines, source)
    except RecursionError:
        raise DocumentError(f"{source}: {_TOO_DEEP}") from None


def _values(node: yaml.Node, at: Place, lines: Lines, source: str) -> Any:
    lines.setdefault(at, node.start_mark.line + 1)
    if len(lines) > MOST_VALUES:
        # Aliases of aliases make millions of a few lines.
        raise fault(
            source, {(): node.start_mark.line + 1}, (), f"more than {MOST_VALUES} keys and values are not read."
        )
    if not node.tag.startswith(_PLAIN_TAG) or node.tag.startswith(f"{_PLAIN_TAG}python"):
        raise fault(source, {(): node.start_mark.line + 1}, at, f"tags ({node.tag}) are not read.")
    if isinstance(node, yaml.MappingNode):
        values: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = _scalar(key_node, source)
            line = key_node.start_mark.line + 1
            if key in values:
                raise DocumentError(f"{source}, line {line}, {_dotted((*at, key))}: the key stands here twice.")
            lines[(*at, key)] = line
            values[key] = _values(value_node, (*at, key), lines, source)
        return values
    if isinstance(node, yaml.SequenceNode):
        return [_values(each, (*at, number), lines, source) for number, each in enumerate(node.value)]
    return _scalar(node, source)


def _scalar(node: yaml.Node, source: str) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        raise DocumentError(f"{source}, line {node.start_mark.line + 1}: a key must be a word.")
    if node.tag == f"{_PLAIN_TAG}bool" and node.value.lower() not in ("true", "false"):
        return node.value  # on, off, yes and no are words, as in YAML 1.2
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        raise DocumentError(f"{source}, line {node.start_mark.line + 1}: {node.value!r} cannot be read.") from None
    finally:
        loader.dispose()


def _custom(kind: type, value: Any) -> Any:
    if kind is Size and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Size(value)
    if kind is Size and isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if match and match[2].lower() in _UNITS:
            return Size(float(match[1]) * _UNITS[match[2].lower()])
    if kind is Size:
        raise ValueError("Expected a size such as 1048576 or `1 MiB`")
    raise NotImplementedError(kind)


def _explained(message: str, kind: Any) -> tuple[Place, str]:
    """Gives the place that msgspec's message names, and what is wrong there in our words."""
    match = _AT.match(message)
    what, raw = (match["what"], match["path"] or "") if match else (message, "")
    place: Place = tuple(
        int(index) if index.isdigit() else name for name, index in _PART.findall(raw) if index != "..."
    )
    unknown = _UNKNOWN.match(what)
    if unknown:
        field = unknown["field"]
        known = _known_fields(_kind_at(kind, place))
        close = get_close_matches(field, known, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return (*place, field), f"unknown key; known: {', '.join(known)}.{hint}"
    if what.startswith("Invalid enum value"):
        choices = ", ".join(map(str, _choices(_kind_at(kind, place))))
        return place, f"{what[0].lower()}{what[1:]}; allowed: {choices}."
    what = what.replace("Object missing required field", "needs the key").rstrip(".") + "."
    return place, _TYPE_NAME.sub(lambda name: _IN_WORDS.get(name[1], name[0]), what[0].lower() + what[1:])


def _dotted(path: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _kind_at(kind: Any, path: Place) -> Any:
    for part in path:
        kind = _struct_or(kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
            kind = fields.get(str(part))
        else:
            arguments = get_args(kind)
            kind = arguments[-1] if arguments and arguments[-1] is not ... else arguments[0] if arguments else None
    return _struct_or(kind)


def _struct_or(kind: Any) -> Any:
    for each in get_args(kind):
        if isinstance(each, type) and issubclass(each, msgspec.Struct) and not _is_container(kind):
            return each
    return kind


def _is_container(kind: Any) -> bool:
    origin: Callable[..., Any] | None = getattr(kind, "__origin__", None)
    return isinstance(origin, type) and issubclass(origin, (dict, list, tuple, set, frozenset))


def _choices(kind: Any) -> list[Any]:
    return [choice for each in get_args(kind) for choice in (_choices(each) or ([] if each is NoneType else [each]))]


def _known_fields(kind: Any) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [field.encode_name for field in msgspec.structs.fields(kind)]
    return []
