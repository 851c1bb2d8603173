"""Where requests carry tools: a table of the endpoints, and the lists of tools in a body."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

Path: TypeAlias = tuple[str | int, ...]
MEMBERS = ("tools", "functions")
MOST_TOOLS = 1024
"""Governing more would hold up the requests of everybody else."""


class Place(msgspec.Struct, frozen=True):
    """How an endpoint's requests carry tools.

    `below` leads to the object that has the member `tools`. `hosts` says that hosted tools may be offered, since their
    calls come back here; `tells` that replies call no other tools than those of the request, also where none is hosted;
    `calls` of False that nothing is called, since requests are only counted. `input` says that items of the input carry
    tools too. `stays` is for endpoints where no list means the list that was stored before, so that an empty one has to
    be sent.
    """

    form: Literal["chat", "responses"]
    below: tuple[str, ...] = ()
    hosts: bool = False
    tells: bool = False
    calls: bool = True
    input: bool = False
    stays: bool = False


PLACES: Mapping[str, Place] = {
    "chat.completions": Place("chat", hosts=True),
    "responses": Place("responses", hosts=True, input=True),
    "responses.input_tokens": Place("responses", hosts=True, calls=False, input=True),
    "responses.compact": Place("responses", input=True),
    "threads.runs": Place("chat", stays=True),
    "threads.{thread_id}.runs": Place("chat", stays=True),
    "assistants": Place("chat", stays=True),
    "assistants.{assistant_id}": Place("chat", stays=True),
    "realtime.sessions": Place("responses"),
    "realtime.client_secrets": Place("responses", below=("session",)),
    "realtime.calls.{call_id}.accept": Place("responses"),
}
ON_WEBSOCKETS: Mapping[str, Place] = {
    "responses": Place("responses", tells=True, input=True),
    "realtime": Place("responses", input=True, stays=True),
}
"""The same for what is asked over websockets; a realtime session has tools that are asked for once."""
_CARRIERS = frozenset(("additional_tools", "tool_search_output"))


class ToolList(msgspec.Struct, frozen=True):
    """A list of tools in a body; `legacy` is that of the old member `functions`."""

    path: Path
    tools: list[Any]
    legacy: bool = False


def holder_of(body: Any, place: Place) -> dict[str, Any] | None:
    """Gives the object that has the member `tools`, None where there is no such object."""
    for part in place.below:
        body = body.get(part) if body.__class__ is dict else None
    return body if body.__class__ is dict else None


def tool_lists(body: Any, place: Place) -> Iterator[ToolList]:
    """Gives every list of tools in a body."""
    holder = holder_of(body, place)
    if holder is None:
        return
    tools, functions = holder.get("tools"), holder.get("functions")
    if tools.__class__ is list:
        yield ToolList((*place.below, "tools"), tools)
    if functions.__class__ is list:
        yield ToolList((*place.below, "functions"), functions, legacy=True)
    if place.input:
        yield from _in_input(holder.get("input"))


def is_misshapen(body: Any, place: Place) -> bool:
    """Whether a body has something else than a list where its tools should stand."""
    holder = holder_of(body, place)
    if holder is None:
        return False
    return any(holder.get(name) is not None and holder[name].__class__ is not list for name in MEMBERS)


def declares_too_many(body: Any, place: Place) -> bool:
    """Whether a body has more than `MOST_TOOLS` tools, those in namespaces and those that it chooses among included."""
    left = MOST_TOOLS
    for tools in (*(each.tools for each in tool_lists(body, place)), _chosen(holder_of(body, place))):
        left -= len(tools)
        if left >= 0:
            left -= sum(len(_inner(tool, "tools")) for tool in tools)
        if left < 0:
            return True
    return False


def _chosen(holder: dict[str, Any] | None) -> list[Any]:
    """Gives the tools that a `tool_choice` leaves to choose among, beside its type or below it."""
    choice = None if holder is None else holder.get("tool_choice")
    below = choice.get("allowed_tools") if choice.__class__ is dict else None
    return [*_inner(choice, "tools"), *_inner(below, "tools")]


def _inner(value: Any, name: str) -> list[Any]:
    found = value.get(name) if value.__class__ is dict else None
    return found if found.__class__ is list else []


def _in_input(items: Any) -> Iterator[ToolList]:
    if items.__class__ is not list:
        return
    for at, item in enumerate(items):
        if item.__class__ is dict and item.get("type") in _CARRIERS and item.get("tools").__class__ is list:
            yield ToolList(("input", at, "tools"), item["tools"])
