"""Reads one tool of a request: its kind, the names that rules know it by, and whether it asks for a hosted one."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from gateway import ASKED_PREFIX, ASKED_TYPE
from policies.redaction import redacted_name

NAMED = frozenset(("function", "custom"))
LONGEST_SHOWN = 64
Key: TypeAlias = tuple[str, str]


class Declared(msgspec.Struct, frozen=True):
    """One tool as its sender wrote it, or one that a `tool_choice` names.

    `names` are all that the rules may know it by, each of which has to be allowed: a function with two names is read
    by its first here and perhaps by its second elsewhere. `asks` is the hosted tool that it asks for, empty where it
    asks without saying for which, None where it asks for none. `inner` are the tools of a namespace, `only` the tools
    of an MCP server that may be called, None where all may. `deferred` says that the upstream loads it when it is
    searched for.
    """

    kind: str
    names: tuple[str, ...]
    asks: str | None = None
    inner: tuple[Any, ...] = ()
    only: frozenset[str] | None = None
    deferred: bool = False

    @property
    def key(self) -> Key:
        """What a `tool_choice` names it by."""
        return self.kind, self.names[0] if self.names and (self.kind in NAMED or self.kind == "mcp") else ""

    @property
    def shown(self) -> str:
        """Its name as records repeat it."""
        name = self.names[0] if self.names else self.kind
        return redacted_name((f"mcp:{name}" if self.kind == "mcp" else name)[:LONGEST_SHOWN])


NOTHING = Declared("", ())


def declared(tool: Any, *, legacy: bool = False) -> Declared:
    """Gives what a tool says of itself; what is no object says nothing."""
    if tool.__class__ is not dict:
        return NOTHING
    kind = "function" if legacy else _kind_of(tool)
    if kind in NAMED or kind == ASKED_TYPE:
        names = tuple(dict.fromkeys(_names(tool, kind)))
        if kind == ASKED_TYPE:
            return Declared(kind, names, names[0] if names else "")
        asks = next((name.removeprefix(ASKED_PREFIX) for name in names if name.startswith(ASKED_PREFIX)), None)
        return Declared(kind, names, asks, deferred=tool.get("defer_loading") is True)
    if kind == "mcp":
        label = tool.get("server_label")
        return Declared(kind, (label,) if label.__class__ is str else (), only=_only(tool.get("allowed_tools")))
    if kind == "namespace":
        inner = tool.get("tools")
        return Declared(kind, tuple(_names(tool, kind)), inner=tuple(inner) if inner.__class__ is list else ())
    return Declared(kind, (kind,) if kind else ())


def may_ask(tool: Any) -> bool:
    """Whether a tool may ask for a hosted one: quick, and never a wrong no."""
    if tool.__class__ is not dict:
        return False
    if tool.get("type") == ASKED_TYPE:
        return True
    for holder in (tool, tool.get("function"), tool.get("custom")):
        if holder.__class__ is dict:
            name = holder.get("name")
            if name.__class__ is str and name.startswith(ASKED_PREFIX):
                return True
    return False


def _kind_of(tool: dict[str, Any]) -> str:
    kind = tool.get("type")
    if kind.__class__ is str:
        return kind
    return next((each for each in NAMED if tool.get(each).__class__ is dict), "")


def _names(tool: dict[str, Any], kind: str) -> Iterator[str]:
    """Gives the name inside the member of the kind, where chat has it, and the one beside it."""
    for holder in (tool.get(kind), tool):
        if holder.__class__ is dict and holder.get("name").__class__ is str:
            yield holder["name"]


def _only(allowed: Any) -> frozenset[str] | None:
    """Gives the tools of an MCP server that may be called: a list of names, or an object that has one."""
    names = allowed.get("tool_names") if allowed.__class__ is dict else allowed
    return frozenset(each for each in names if each.__class__ is str) if names.__class__ is list else None
