"""The turns of a request, the newest first: what was said by whom, without knowing the wire formats."""

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import msgspec

from gateway.exchange import Exchange
from gateway.formats import format_of
from gateway.formats.strangers import elements, member, string, texts

Role: TypeAlias = Literal["user", "assistant", "system", "tool"]
_ROLES: dict[str, Role] = {
    "assistant": "assistant",
    "developer": "system",
    "function": "tool",
    "system": "system",
    "tool": "tool",
}
_OUTPUTS = ("function_call_output", "custom_tool_call_output")
_TEXT_PARTS = ("text", "input_text", "output_text", "refusal", "")
MOST_PIECES = 4096
"""Messages, parts and texts of a request that are looked at: empty ones say nothing, and must cost nobody his time."""


class Turn(msgspec.Struct, frozen=True, gc=False):
    """What one side said at once; `attached` says that pictures, sound or files came with it."""

    role: Role
    text: str
    attached: bool = False


def turns(exchange: Exchange) -> Iterator[Turn]:
    """Gives the turns of the request as it would go out now, the last one first.

    Calls and thoughts of the model are no turns; endpoints other than chat, responses and completions have none. What
    stands before the newest `MOST_PIECES` messages, parts and texts is not read.
    """
    request, budget = exchange.request.json, iter(range(MOST_PIECES))
    match format_of(exchange.endpoint).name:
        case "chat":
            for _, message in zip(budget, reversed(elements(request, "messages")), strict=False):
                yield _turn(message, budget)
        case "responses":
            asked = member(request, "input")
            if asked.__class__ is str:
                yield Turn("user", asked)
            else:
                yield from _items(elements(request, "input"), budget)
            if instructions := string(request, "instructions"):
                yield Turn("system", instructions)
        case "completions":
            if prompt := "\n".join(texts(member(request, "prompt"), budget)):
                yield Turn("user", prompt)


def _turn(message: Any, budget: Iterator[int]) -> Turn:
    role = _ROLES.get(string(message, "role"), "user")
    content = member(message, "content")
    if content.__class__ is str:
        return Turn(role, content)
    attached = any(string(part, "type") not in _TEXT_PARTS for part in elements(message, "content")[:MOST_PIECES])
    return Turn(role, "\n".join(texts(content, budget)), attached)


def _items(items: list[Any], budget: Iterator[int]) -> Iterator[Turn]:
    for _, item in zip(budget, reversed(items), strict=False):
        kind = string(item, "type")
        if kind in _OUTPUTS:
            yield Turn("tool", "\n".join(texts(member(item, "output"), budget)))
        elif kind in ("message", ""):
            yield _turn(item, budget)
