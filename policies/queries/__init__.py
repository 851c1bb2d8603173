"""Questions that are asked often, each a file of SQL: what it answers, its parameters, and the statement.

The first line says what it answers. A parameter has a line of its own, `-- $name TYPE = default: what it is`; without a
default it must be given.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec

from policies.document import DocumentError

_PARAMETER = re.compile(r"-- \$(?P<name>[a-z_]+) (?P<type>[A-Z]+)(?: = (?P<default>[^:]+))?: (?P<says>.+)")


class Parameter(msgspec.Struct, frozen=True):
    """One parameter; `default` counts where it is not `required`."""

    name: str
    type: str
    says: str
    required: bool
    default: Any = None


class Query(msgspec.Struct, frozen=True):
    """One question; its name is that of its file."""

    name: str
    says: str
    parameters: tuple[Parameter, ...]
    sql: str

    def filled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Gives the value of each parameter. Errors: ValueError, with a sentence."""
        known = {each.name: each for each in self.parameters}
        unknown = sorted(given.keys() - known.keys())
        if unknown:
            raise ValueError(f"The query {self.name} has no parameter {unknown[0]!r}; it has {_listed(known)}.")
        missing = [each.name for each in self.parameters if each.required and each.name not in given]
        if missing:
            raise ValueError(f"The query {self.name} needs the parameter {missing[0]!r}.")
        return {name: given.get(name, each.default) for name, each in known.items()}


class Found(msgspec.Struct, frozen=True):
    """The queries by their names, and the sentences about files that cannot be read as one."""

    queries: Mapping[str, Query]
    faults: Mapping[str, str]


def load_queries(folder: Path | None) -> Mapping[str, Query]:
    """Gives the shipped queries, and over them those in the operator's folder `queries`.

    Errors: DocumentError, with a line for each file that is wrong.
    """
    found = find_queries(folder)
    if found.faults:
        raise DocumentError("\n".join(found.faults.values()))
    return found.queries


def find_queries(folder: Path | None) -> Found:
    """Gives the same where files that are wrong must not be in the way of others."""
    queries: dict[str, Query] = {}
    faults: dict[str, str] = {}
    own = folder / "queries" if folder is not None else None
    for place, shown in ((files("policies.queries"), "policies/queries"), *([(own, str(own))] if own else [])):
        for name, file in _in(place):
            queries.pop(name, None)
            source = f"{shown}/{name}.sql"
            try:
                queries[name] = read_query(name, _text(file, source), source)
            except DocumentError as error:
                faults[name] = str(error)
    return Found(dict(sorted(queries.items())), faults)


def read_query(name: str, text: str, source: str) -> Query:
    """Reads one file; `source` is its name in errors. Errors: DocumentError."""
    head = [line for line in text.splitlines() if line.startswith("--")]
    if not head or not text.startswith("-- "):
        raise DocumentError(f"{source}, line 1: must say what the query answers, as `-- One sentence.`")
    parameters = tuple(_parameter(line, f"{source}, line {number}") for number, line in enumerate(head[1:], 2))
    sql = "\n".join(text.splitlines()[len(head) :]).strip()
    return Query(name, head[0].removeprefix("-- "), parameters, sql)


def _parameter(line: str, where: str) -> Parameter:
    match = _PARAMETER.fullmatch(line)
    if match is None:
        raise DocumentError(f"{where}: a parameter is written as `-- $name TYPE = default: what it is`.")
    if match["default"] is None:
        return Parameter(match["name"], match["type"], match["says"], required=True)
    try:
        default = msgspec.json.decode(match["default"].strip())
    except msgspec.DecodeError:
        raise DocumentError(f"{where}: the default is written as JSON, text in double quotes.") from None
    return Parameter(match["name"], match["type"], match["says"], required=False, default=default)


def _in(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    if not folder.is_dir():
        return
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".sql"):
            yield file.name.removesuffix(".sql"), file


def _text(file: Traversable, source: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise DocumentError(f"{source}: cannot be read: {reason}.") from None


def _listed(known: Mapping[str, Parameter]) -> str:
    return ", ".join(known) if known else "none"
