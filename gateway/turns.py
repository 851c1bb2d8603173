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


class Turn(msgspec.Struct, frozen=True, gc=False):
    """What one side said at once; `attached` says that pictures, sound or files came with it."""

    role: Role
    text: str
    attached: bool = False


def turns(exchange: Exchange) -> Iterator[Turn]:
    """Gives the turns of the request as it would go out now, the last one first.

    Calls and thoughts of the model are no turns; endpoints other than chat, responses and completions have none.
    """
    request = exchange.request.json
    match format_of(exchange.endpoint).name:
        case "chat":
            yield from map(_turn, reversed(elements(request, "messages")))
        case "responses":
            asked = member(request, "input")
            if asked.__class__ is str:
                yield Turn("user", asked)
            else:
                yield from _items(elements(request, "input"))
            if instructions := string(request, "instructions"):
                yield Turn("system", instructions)
        case "completions":
            if prompt := "\n".join(texts(member(request, "prompt"))):
                yield Turn("user", prompt)


def _turn(message: Any) -> Turn:
    role = _ROLES.get(string(message, "role"), "user")
    content = member(message, "content")
    if content.__class__ is str:
        return Turn(role, content)
    attached = any(string(part, "type") not in _TEXT_PARTS for part in elements(message, "content"))
    return Turn(role, "\n".join(texts(content)), attached)


def _items(items: list[Any]) -> Iterator[Turn]:
    for item in reversed(items):
        kind = string(item, "type")
        if kind in _OUTPUTS:
            yield Turn("tool", "\n".join(texts(member(item, "output"))))
        elif kind in ("message", ""):
            yield _turn(item)
