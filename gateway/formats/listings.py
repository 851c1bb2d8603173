"""The format of what is read again in lists, or one by one: stored chats, their messages, items, runs and their steps.

Each entry of a list is read by itself; the shapes of what may be one have no member in common that tells of calls. A
call whose result is the one that blocked calls get counts as one of a tool that was not offered.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from gateway.answers import Change, Path, Remove
from gateway.formats import chat
from gateway.formats.counts import usage
from gateway.formats.found import NOT_AVAILABLE, CallDelta, FoundCall
from gateway.formats.no_calls import answered_calls, cut_short, made_with, noted, put_back, seam, step_of
from gateway.formats.plain import (
    assembled,
    context_changes,
    ended_choices,
    ends,
    event_pieces,
    input_text,
    may_end,
    output_text,
    pieces,
    tool_results,
)
from gateway.formats.response_items import call_of
from gateway.formats.run_calls import calls_in, holders_in, read, tools_of
from gateway.formats.strangers import elements, member, string
from gateway.formats.strays import may_tell_of_call, stray_in

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

name = "listings"
repeats = False


def calls(reply: Any) -> list[FoundCall]:
    """Gives each call of all entries."""
    blocked = {id for id, output in _results(reply) if id and output == NOT_AVAILABLE}
    found = []
    for entry, path in _entries(reply):
        for each in _calls_of(entry):
            made = [] if each.call.id in blocked else each.made_with
            found.append(FoundCall(each.call, (*path, *each.path), made))
    return found


def event_calls(event: Any) -> list[CallDelta]:
    """Gives what there would be as deltas, whole: no list is streamed, so that an event of one is an entry."""
    return [
        CallDelta(
            0, at, each.call.id or None, each.call.name, each.call.arguments, True, at, each.call.kind, whole=True
        )
        for at, each in enumerate(calls(event))
    ]


def joined(reply: Any, steps: Sequence[Any], removed: Sequence[Path]) -> list[Change]:
    """Gives the changes that take the calls at these paths out, and with them their results on the same page."""
    gone = {found.call.id for found in calls(reply) if found.path in removed and found.call.id}
    results = {path for entry, path in _entries(reply) if _result_of(entry)[0] in gone}
    return [Remove(path) for path in sorted({*removed, *results}, key=_from_behind) if path]


def may_call(data: bytes) -> bool:
    """Whether bytes may hold a call."""
    folded = data.lower()
    return may_tell_of_call(data) or b"mcp_approval" in folded or b'"program"' in folded


def may_hold_call(data: bytes) -> bool:
    """Whether bytes may hold a call."""
    return may_call(data)


def stray_call(told: Any, *, streamed: bool) -> str | None:
    """Gives the name of what tells of a call otherwise than it is read here, None where nothing does."""
    messages: list[Any] = []
    holders: list[Any] = []
    entries = [entry for entry, _ in _entries(told)]
    for entry in entries:
        messages += [*(member(choice, "message") for choice in elements(entry, "choices")), entry]
        holders += [holder for holder, _ in holders_in(entry)]
    called = [call for each in (*messages, *holders) for call in elements(each, "tool_calls")]
    return stray_in(told, messages, [*entries, *called], holders)


def _entries(reply: Any) -> Iterator[tuple[Any, Path]]:
    listed = member(reply, "data")
    if listed.__class__ is list:
        yield from ((entry, ("data", at)) for at, entry in enumerate(listed))
    else:
        yield reply, ()


def _calls_of(entry: Any) -> Iterator[FoundCall]:
    """Gives the calls of an entry, with paths below it."""
    tools = tools_of(entry)
    yield from chat.calls(entry)
    # A message is what a choice would have for one.
    for found in chat.calls({"choices": [{"message": entry}]}):
        yield msgspec.structs.replace(found, path=found.path[3:])
    for at, call, path in calls_in(entry):
        yield FoundCall(read(call, at), path, tools)
    item = call_of(entry, 0)
    if item is not None:
        yield FoundCall(item, (), None)


def _results(reply: Any) -> Iterable[tuple[str, str]]:
    return (_result_of(entry) for entry, _ in _entries(reply))


def _result_of(entry: Any) -> tuple[str, str]:
    """Gives the id of the call whose result an entry is, and the result; twice nothing for other entries."""
    if string(entry, "role") == "tool":
        return string(entry, "tool_call_id"), string(entry, "content")
    if string(entry, "type").endswith("_call_output"):
        return string(entry, "call_id"), string(entry, "output")
    return "", ""


def _from_behind(path: Path) -> tuple[tuple[int, str], ...]:
    """Sorts places so that none moves another that is still to come."""
    return tuple((-key, "") if isinstance(key, int) else (0, key) for key in path)
