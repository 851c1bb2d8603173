"""The calls in runs of threads and in their steps, whole or as a streamed delta of a step."""

from collections.abc import Iterator
from typing import Any

from gateway.answers import Path, ToolCall
from gateway.formats.strangers import elements, member, string, written

_HOLDERS: tuple[tuple[str, ...], ...] = (
    ("required_action", "submit_tool_outputs"),
    ("step_details",),
    ("delta", "step_details"),
)
_UPSTREAM = ("code_interpreter", "file_search")


def holders_in(told: Any) -> Iterator[tuple[Any, Path]]:
    """Gives each object that has the calls of a run, a step, or a delta of one, and the path to it."""
    for path in _HOLDERS:
        found = told
        for key in path:
            found = member(found, key)
        if found.__class__ is dict:
            yield found, path


def calls_in(told: Any) -> Iterator[tuple[int, Any, Path]]:
    """Gives each call as it is written, its place in its list, and the path to it."""
    for holder, path in holders_in(told):
        for at, call in enumerate(elements(holder, "tool_calls")):
            yield at, call, (*path, "tool_calls", at)


def read(call: Any, index: int) -> ToolCall:
    """Gives a call, or what a delta says of one; what the upstream runs has its type for a name."""
    kind = kind_of(call)
    if kind == "function":
        function = member(call, "function")
        name, arguments = string(function, "name"), written(member(function, "arguments"))
        return ToolCall(string(call, "id"), name, arguments, 0, index)
    arguments = written(member(member(call, kind), "input"))
    return ToolCall(string(call, "id"), kind, arguments, 0, index, f"{kind}_call")


def kind_of(call: Any) -> str:
    """Gives the type of a call; what does not say it is known by the member that it has."""
    said = string(call, "type")
    return said or next((kind for kind in _UPSTREAM if member(call, kind) is not None), "function")


def tools_of(told: Any) -> list[Any] | None:
    """Gives the tools that a run, or a stored reply, says it was made with; None where it says nothing of them."""
    tools = member(told, "tools")
    return tools if tools.__class__ is list else None
