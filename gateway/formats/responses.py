"""The format of `/responses`: finds the texts and calls in its replies and their events."""

import re
from collections.abc import Iterator
from typing import Any

from gateway.answers import Path
from gateway.formats.counts import usage
from gateway.formats.found import CallDelta, FoundCall, Piece
from gateway.formats.response_items import CALL, FAMILIES, NEW_FAMILY, call_of, item_pieces, part_pieces
from gateway.formats.responses_assembled import assembled
from gateway.formats.responses_request import answered_calls, context_changes, input_text, noted, put_back, tool_results
from gateway.formats.responses_seam import joined, seam, step_of
from gateway.formats.strangers import elements, member, number, string, written
from gateway.formats.strays import ESCAPED, stray_in

__all__ = [
    "answered_calls",
    "assembled",
    "calls",
    "context_changes",
    "cut_short",
    "ended_choices",
    "ends",
    "event_calls",
    "event_pieces",
    "input_text",
    "joined",
    "made_with",
    "may_call",
    "may_end",
    "may_hold_call",
    "name",
    "noted",
    "output_text",
    "pieces",
    "put_back",
    "repeats",
    "seam",
    "step_of",
    "stray_call",
    "tool_results",
    "usage",
]

name = "responses"
repeats = True

_ENDS = frozenset(("response.completed", "response.failed", "response.incomplete", "error"))
# Each begins with what has no case, so that it is a quick search.
_CALL_NAMED = re.compile(rb"_(?i:call|approv)").search
# What is no call is known by its whole name, in small letters.
_CALL_NAME_ALONE = re.compile(rb'_(?i:call(?-i:(?!(?<="parallel_tool_call)s")(?!(?<="max_tool_call)s"))|approv)')
_TOOLS_OR_PROGRAM = re.compile(rb'"(?i:tools|program)"').search
_PROGRAM = re.compile(rb'"(?i:program)"')
_STOPPED = frozenset(("incomplete", "failed", "cancelled"))
# The kinds of calls whose name only their item says; what the upstream runs itself has its kind for a name.
_ARGUMENTS = {
    "response.function_call_arguments": "function",
    "response.mcp_call_arguments": "mcp_call",
    "response.custom_tool_call_input": "custom",
}
_RUN_UPSTREAM = re.compile(r"response\.(\w+?_call)_(?!output)\w+").fullmatch


def pieces(reply: Any) -> list[Piece]:
    """Gives each text of a whole reply."""
    return list(_reply_pieces(reply, ()))


def _reply_pieces(reply: Any, path: Path) -> Iterator[Piece]:
    for index, item in enumerate(elements(reply, "output")):
        yield from item_pieces(item, (*path, "output", index), index)
    if text := string(reply, "output_text"):
        # Not in the API; some upstreams write out the SDK's shortcut.
        yield Piece((*path, "output_text"), "text", 0, text, "output_text", True, "output_text")


def event_pieces(event: Any) -> list[Piece]:
    """Gives each text of one event."""
    kind = string(event, "type")
    family, _, step = kind.rpartition(".")
    if step == "delta":
        # The delta of `response.audio` is sound in base64.
        found = FAMILIES.get(family, NEW_FAMILY).piece(event, "delta") if family != "response.audio" else None
        return [found] if found else []
    if family in FAMILIES:
        found = FAMILIES[family].piece(event, FAMILIES[family].done)
        return [found] if found else []
    choice = number(event, "output_index")
    if (part := member(event, "part")).__class__ is dict:
        holder = "summary" if "summary" in kind else "content"
        place = (holder, number(event, f"{holder}_index"))
        return list(part_pieces(part, ("part",), choice, place, reasoning=holder == "summary"))
    if (item := member(event, "item")).__class__ is dict:
        return list(item_pieces(item, ("item",), choice))
    return [
        *(found for found in (NEW_FAMILY.piece(event, "text"),) if found),
        *_reply_pieces(member(event, "response"), ("response",)),
    ]


def calls(reply: Any) -> list[FoundCall]:
    """Gives each call of a whole reply."""
    made = _tools_of(reply)
    return [
        FoundCall(call, ("output", index), made)
        for index, item in enumerate(elements(reply, "output"))
        if (call := call_of(item, index)) is not None
    ]


def event_calls(event: Any) -> list[CallDelta]:
    """Gives what one event says about calls."""
    kind = string(event, "type")
    family, _, step = kind.rpartition(".")
    choice = number(event, "output_index")
    called = _ARGUMENTS.get(family)
    if called is not None:
        return [_about(event, called, string(event, "name") or None, family, step)]
    if (upstream := _RUN_UPSTREAM(family)) is not None:
        return [_about(event, upstream[1], upstream[1].removesuffix("_call"), family, step)]
    output = enumerate(elements(member(event, "response"), "output"))
    items: list[tuple[int, Any, Path]] = [(choice, member(event, "item"), ("item",))]
    items += [(index, item, ("response", "output", index)) for index, item in output]
    done = kind in _ENDS or kind == "response.output_item.done"
    found = [
        (call, path, string(item, "id")) for index, item, path in items if (call := call_of(item, index)) is not None
    ]
    return [
        CallDelta(
            call.choice,
            0,
            call.id,
            call.name,
            call.arguments,
            done,
            CALL,
            call.kind,
            whole=True,
            named=bool(call.name),
            path=path,
            server=call.server,
            namespace=call.namespace,
            item=id,
        )
        for call, path, id in found
    ]


def _about(event: Any, kind: str, called: str | None, family: str, step: str) -> CallDelta:
    """Gives what an event says about a call that has an item of its own."""
    whole = step != "delta"
    texts = FAMILIES.get(family)
    key = "delta" if not whole else texts.done if texts is not None else "arguments"
    space = event.get("namespace")
    return CallDelta(
        number(event, "output_index"),
        0,
        None,
        called,
        string(event, key),
        step == "done" and texts is not None and not texts.index,
        CALL,
        kind,
        whole=whole,
        server=string(event, "server_label"),
        namespace=None if space is None else written(space),
        item=string(event, "item_id"),
        about=True,
    )


def ended_choices(event: Any) -> list[int]:
    """Gives the output items that are complete with this event."""
    return [number(event, "output_index")] if string(event, "type") == "response.output_item.done" else []


def ends(data: bytes, event: Any) -> bool:
    """Whether this event is the last of a good stream."""
    return string(event, "type") in _ENDS


def may_end(chunk: bytes) -> bool:
    """Whether raw bytes may hold the last event."""
    return (
        b"response.completed" in chunk
        or b"response.failed" in chunk
        or b"response.incomplete" in chunk
        or b'"error"' in chunk
        or b"event: error" in chunk
    )


def made_with(event: Any) -> list[Any] | None:
    """Gives the tools of the response that an event tells of, None where it tells of none."""
    return _tools_of(member(event, "response"))


def _tools_of(response: Any) -> list[Any] | None:
    tools = member(response, "tools")
    return tools if tools.__class__ is list else None


def may_call(data: bytes) -> bool:
    """Whether bytes may hold a call, or say what tools there are; names may be in any letters, or have escapes."""
    return (
        _CALL_NAMED(data) is not None
        or _TOOLS_OR_PROGRAM(data) is not None
        or (b"\\" in data and ESCAPED.search(data) is not None)
        or b"\0" in data
    )


def may_hold_call(data: bytes) -> bool:
    """Whether bytes may hold a call; whole responses have names of their own with the word in them."""
    return (
        _CALL_NAME_ALONE.search(data) is not None
        or _PROGRAM.search(data) is not None
        or (b"\\" in data and ESCAPED.search(data) is not None)
        or b"\0" in data
    )


def stray_call(told: Any, *, streamed: bool) -> str | None:
    """Gives the name of what tells of a call otherwise than it is read here, None where nothing does."""
    items = elements(member(told, "response") if streamed else told, "output")
    return stray_in(told, (), [*items, member(told, "item")] if streamed else items)


def cut_short(reply: Any) -> bool:
    """Whether a whole reply, or the last event of one, says that the model was stopped before it was done."""
    said = member(reply, "response")
    if string(reply, "type") == "error":
        return True
    return string(said if said.__class__ is dict else reply, "status") in _STOPPED


def output_text(reply: Any) -> str:
    """Gives what the model wrote: texts, and names and arguments of calls."""
    told = [piece.text for piece in pieces(reply) if piece.place != "output_text"]
    return "\n".join([*told, *(found.call.name for found in calls(reply))])
