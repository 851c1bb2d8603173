"""The output items of a response and what streams them: where their texts stand, and which items are calls."""

from collections.abc import Hashable, Iterator
from typing import Any

import msgspec

from gateway.answers import Change, Path, Set, ToolCall
from gateway.formats.found import Channel, Piece
from gateway.formats.strangers import elements, member, number, string, written
from gateway.formats.strays import is_call_kind

CALL = "call"


class Family(msgspec.Struct, frozen=True):
    """The events of one kind of text: `X.delta` adds to it, `X.done` repeats it in the member `done`.

    `holder` is the member of the item that holds the text, `index` the event's member that says where in it.
    """

    channel: Channel
    holder: str
    index: str
    done: str

    def piece(self, event: Any, key: str) -> Piece | None:
        """Gives the text that an event has in the member `key`, None where it has none."""
        text = string(event, key)
        if not text:
            return None
        place = (self.holder, number(event, self.index))
        lane = place if self.channel == "arguments" else None
        along: tuple[Change, ...] = (Set(("logprobs",), []),) if member(event, "logprobs") else ()
        choice = number(event, "output_index")
        return Piece((key,), self.channel, choice, text, place, key != "delta", lane, along)


FAMILIES = {
    "response.output_text": Family("text", "content", "content_index", "text"),
    "response.refusal": Family("refusal", "content", "content_index", "refusal"),
    "response.reasoning_text": Family("reasoning", "content", "content_index", "text"),
    "response.reasoning_summary_text": Family("reasoning", "summary", "summary_index", "text"),
    "response.audio.transcript": Family("text", "transcript", "", "transcript"),
    "response.function_call_arguments": Family("arguments", "arguments", "", "arguments"),
    "response.mcp_call_arguments": Family("arguments", "arguments", "", "arguments"),
    "response.custom_tool_call_input": Family("arguments", "input", "", "input"),
    "response.code_interpreter_call_code": Family("arguments", "code", "", "code"),
    "response.shell_call_command": Family("arguments", "commands", "command_index", "command"),
}
# A kind of text that is newer than this file is guarded as text.
NEW_FAMILY = Family("text", "new", "content_index", "text")


def item_pieces(item: Any, path: Path, choice: int) -> Iterator[Piece]:
    """Gives each text of an output item; results of tools are not the model's, and so are none."""
    reasoning = string(item, "type") == "reasoning"
    content = member(item, "content")
    if content.__class__ is str and content:
        yield Piece((*path, "content"), "text", choice, content, ("content", 0), True)
    for at, part in enumerate(elements(item, "content")):
        yield from part_pieces(part, (*path, "content", at), choice, ("content", at), reasoning=reasoning)
    for at, part in enumerate(elements(item, "summary")):
        yield from part_pieces(part, (*path, "summary", at), choice, ("summary", at), reasoning=True)
    for holder in ("arguments", "input", "code"):
        if text := written(member(item, holder)):
            yield _argument((*path, holder), choice, text, (holder, 0))
    yield from _action_pieces(item, path, choice)


def _action_pieces(item: Any, path: Path, choice: int) -> Iterator[Piece]:
    for holder, key in (("action", "commands"), ("action", "command"), ("action", "queries")):
        for at, command in enumerate(elements(member(item, holder), key)):
            if command.__class__ is str and command:
                yield _argument((*path, holder, key, at), choice, command, (key, at))
    for holder, key in (("action", "query"), ("action", "text"), ("operation", "diff")):
        if text := string(member(item, holder), key):
            yield _argument((*path, holder, key), choice, text, (key, 0))


def _argument(path: Path, choice: int, text: str, place: Hashable) -> Piece:
    return Piece(path, "arguments", choice, text, place, True, place)


def part_pieces(part: Any, path: Path, choice: int, place: Hashable, *, reasoning: bool) -> Iterator[Piece]:
    """Gives each text of one part of an item's content or summary."""
    thought: Channel = "reasoning" if reasoning or string(part, "type").startswith("reasoning") else "text"
    along: tuple[Change, ...] = (Set((*path, "logprobs"), []),) if member(part, "logprobs") else ()
    channels: tuple[tuple[str, Channel], ...] = (("text", thought), ("refusal", "refusal"), ("transcript", "text"))
    for key, channel in channels:
        if text := string(part, key):
            yield Piece((*path, key), channel, choice, text, place, True, None, along)


def call_of(item: Any, choice: int) -> ToolCall | None:
    """Gives the call that an output item is: of a function, or of a tool that runs upstream; None for the rest."""
    kind = string(item, "type")
    if not is_call_kind(kind):
        return None
    id = string(item, "call_id") or string(item, "id")
    if kind == "function_call":
        space = written(item.get("namespace"))
        return ToolCall(id, string(item, "name"), written(item.get("arguments")), choice, namespace=space)
    if kind == "custom_tool_call":
        space = written(item.get("namespace"))
        return ToolCall(id, string(item, "name"), written(item.get("input")), choice, kind="custom", namespace=space)
    told = (item.get(key) for key in ("arguments", "code", "action", "operation", "queries"))
    arguments = next((text for each in told if (text := written(each))), "")
    name, server = string(item, "name") or kind.removesuffix("_call"), string(item, "server_label")
    return ToolCall(id, name, arguments, choice, kind=kind, server=server)
