"""The format of `/chat/completions`: finds the texts and calls in its replies and their events."""

from collections.abc import Hashable, Iterator
from typing import Any

from gateway.answers import Change, Path, Set, ToolCall
from gateway.formats.chat_assembled import assembled
from gateway.formats.chat_request import answered_calls, context_changes, input_text, noted, put_back, tool_results
from gateway.formats.chat_seam import joined, seam, step_of
from gateway.formats.counts import usage
from gateway.formats.found import CallDelta, Channel, FoundCall, Piece
from gateway.formats.strangers import elements, member, number, string, written
from gateway.formats.strays import CALL_NAMED, ESCAPED, may_tell_of_call, stray_in

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

name = "chat"
repeats = False

# `reasoning_content` is DeepSeek's, vLLM's and others', `reasoning` OpenRouter's, which has `reasoning_details` too.
_TEXTS: tuple[tuple[str, Channel], ...] = (
    ("content", "text"),
    ("reasoning_content", "reasoning"),
    ("reasoning", "reasoning"),
    ("refusal", "refusal"),
)
_STOPPED = frozenset(("length", "content_filter"))
_KINDS = ("function", "custom")
_ORDINARY = frozenset(("role", *(key for key, _ in _TEXTS)))


def pieces(reply: Any) -> list[Piece]:
    """Gives each text of a whole reply."""
    return list(_pieces(reply, "message", whole=True))


def event_pieces(event: Any) -> list[Piece]:
    """Gives each text of one event."""
    return list(_pieces(event, "delta", whole=False))


def _pieces(reply: Any, holder: str, *, whole: bool) -> Iterator[Piece]:
    for at, choice in enumerate(elements(reply, "choices")):
        said = member(choice, holder)
        if said.__class__ is not dict:
            continue
        path: Path = ("choices", at, holder)
        index = number(choice, "index", at)
        content = said.get("content")
        if len(said) == 1 and content.__class__ is str and choice.get("logprobs") is None:
            # An event of a stream is hardly ever anything else.
            if content:
                yield Piece((*path, "content"), "text", index, content, "content", whole)
            continue
        probabilities: tuple[Change, ...] = ()
        if member(choice, "logprobs") is not None:
            probabilities = (Set(("choices", at, "logprobs"), None),)
        for key, channel in _TEXTS:
            if (value := said.get(key)) is not None:
                yield from _text_pieces(value, (*path, key), channel, index, whole, probabilities)
        if not said.keys() <= _ORDINARY:
            yield from _rare_pieces(said, path, index, whole)


def _text_pieces(
    value: Any, path: Path, channel: Channel, choice: int, whole: bool, along: tuple[Change, ...]
) -> Iterator[Piece]:
    if value.__class__ is str:
        if value:
            yield Piece(path, channel, choice, value, path[3], whole, along=along)
    elif value.__class__ is list:
        for at, part in enumerate(value):
            if part.__class__ is str and part:
                yield Piece((*path, at), channel, choice, part, (path[3], at), whole, along=along)
            for key, own in (("text", channel), ("refusal", "refusal"), ("thinking", "reasoning")):
                if inner := member(part, key):
                    place = (*path, at, key)
                    if inner.__class__ is str:
                        yield Piece(place, own, choice, inner, place[3:], whole, along=along)
                    elif key == "thinking":
                        yield from _text_pieces(inner, place, "reasoning", choice, whole, along)


def _rare_pieces(said: dict[str, Any], path: Path, choice: int, whole: bool) -> Iterator[Piece]:
    if transcript := string(said.get("audio"), "transcript"):
        yield Piece((*path, "audio", "transcript"), "text", choice, transcript, "audio", whole, "audio")
    for at, detail in enumerate(elements(said, "reasoning_details")):
        for key in ("text", "summary"):
            if text := string(detail, key):
                place = ("reasoning_details", at, key)
                # The same text as `reasoning` once more, so it must not stand in one window with it.
                yield Piece((*path, *place), "reasoning", choice, text, place, whole, "reasoning_details")
    if legacy := written(member(said.get("function_call"), "arguments")):
        own: Hashable = ("function_call",)
        yield Piece((*path, "function_call", "arguments"), "arguments", choice, legacy, own, whole, own)
    for at, call in enumerate(elements(said, "tool_calls")):
        for kind, key in (("function", "arguments"), ("custom", "input")):
            if text := written(member(member(call, kind), key)):
                own = _place(call, at)
                yield Piece((*path, "tool_calls", at, kind, key), "arguments", choice, text, own, whole, own)


def _place(call: Any, at: int) -> Hashable:
    """Tells the calls of a message apart; upstreams that give no index give each call whole, with an id."""
    index = member(call, "index")
    return ("tool_calls", index if index.__class__ is int else string(call, "id") or at)


def calls(reply: Any) -> list[FoundCall]:
    """Gives each call of a whole reply; one that is stored says what tools it was made with."""
    found = []
    tools = member(reply, "tools")
    made = tools if tools.__class__ is list else None
    for at, choice in enumerate(elements(reply, "choices")):
        said = member(choice, "message")
        index = number(choice, "index", at)
        path: Path = ("choices", at, "message")
        legacy = member(said, "function_call")
        if legacy.__class__ is dict:
            call = ToolCall("", string(legacy, "name"), written(legacy.get("arguments")), index)
            found.append(FoundCall(call, (*path, "function_call"), made))
        for number_of_call, each in enumerate(elements(said, "tool_calls")):
            if each.__class__ is not dict:
                continue
            kind, tool, arguments = _read(each)
            call = ToolCall(string(each, "id"), tool, arguments, index, number_of_call, kind)
            found.append(FoundCall(call, (*path, "tool_calls", number_of_call), made))
    return found


def event_calls(event: Any) -> list[CallDelta]:
    """Gives what one event says about calls."""
    found = []
    for at, choice in enumerate(elements(event, "choices")):
        said = member(choice, "delta")
        index = number(choice, "index", at)
        legacy = member(said, "function_call")
        if legacy.__class__ is dict:
            called, arguments = string(legacy, "name") or None, written(legacy.get("arguments"))
            path: Path = ("choices", at, "delta", "function_call")
            found.append(CallDelta(index, 0, None, called, arguments, False, ("function_call",), path=path))
        for place, each in enumerate(elements(said, "tool_calls")):
            kind, tool, arguments = _read(each)
            number_of_call = number(each, "index", place)
            id, own = string(each, "id") or None, _place(each, place)
            path = ("choices", at, "delta", "tool_calls", place)
            found.append(CallDelta(index, number_of_call, id, tool or None, arguments, False, own, kind, path=path))
    return found


def _read(call: Any) -> tuple[str, str, str]:
    """Gives kind, name and arguments of a call or of its delta."""
    function, custom = member(call, "function"), member(call, "custom")
    kind = "custom" if custom.__class__ is dict else "function"
    tool = string(function, "name") + string(custom, "name")
    return kind, tool, written(member(function, "arguments")) + written(member(custom, "input"))


def ended_choices(event: Any) -> list[int]:
    """Gives the choices that are complete with this event."""
    return [
        number(choice, "index", at)
        for at, choice in enumerate(elements(event, "choices"))
        if string(choice, "finish_reason")
    ]


def ends(data: bytes, event: Any) -> bool:
    """Whether this event is the last of a good stream."""
    return data.lstrip().startswith(b"[DONE]")


def may_end(chunk: bytes) -> bool:
    """Whether raw bytes may hold the last event."""
    return b"[DONE]" in chunk


def made_with(event: Any) -> list[Any] | None:
    """Gives nothing: an event of a chat never says it."""
    return None


def may_call(data: bytes) -> bool:
    """Whether bytes may hold a call; a name may be written in any letters, with escapes, or in UTF-16."""
    # As `may_tell_of_call` says, without the call of it: nearly every event of a stream comes by here.
    return CALL_NAMED(data) is not None or (b"\\" in data and ESCAPED.search(data) is not None) or b"\0" in data


def may_hold_call(data: bytes) -> bool:
    """Whether bytes may hold a call."""
    return may_tell_of_call(data)


def stray_call(told: Any, *, streamed: bool) -> str | None:
    """Gives the name of what tells of a call otherwise than it is read here, None where nothing does."""
    holders = [member(choice, "delta" if streamed else "message") for choice in elements(told, "choices")]
    called = [call for holder in holders for call in elements(holder, "tool_calls")]
    return stray_in(told, holders, called) or next((name for call in called if (name := _stray_name(call))), None)


def _stray_name(call: Any) -> str:
    """Gives another name that stands beside that of a call, or a kind of call that is not read; empty for others."""
    kind, beside, read = string(call, "type"), string(call, "name"), [member(call, each) for each in _KINDS]
    if kind not in ("", *_KINDS) and read == [None, None]:
        return kind
    return "" if beside in [string(each, "name") for each in read] else beside


def cut_short(reply: Any) -> bool:
    """Whether a whole reply, or an event of one, says that the model was stopped before it was done."""
    stopped = any(string(choice, "finish_reason") in _STOPPED for choice in elements(reply, "choices"))
    return stopped or bool(member(reply, "error"))


def output_text(reply: Any) -> str:
    """Gives what the model wrote: texts, and names and arguments of calls."""
    return "\n".join([*(piece.text for piece in pieces(reply)), *(found.call.name for found in calls(reply))])
