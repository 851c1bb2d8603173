"""The requests of `/responses`: their text, a reminder for the model, and the results of calls."""

from collections.abc import Sequence
from typing import Any

from gateway.answers import Change, Insert, Set, ToolCall
from gateway.formats.chat_request import before_last_user_turn
from gateway.formats.strangers import elements, member, string, texts, written


def input_text(request: Any) -> str:
    """Gives the text that the model reads: instructions, input, tools, and the shape that the answer must have."""
    asked = [*texts(member(request, "instructions")), *texts(member(request, "input"))]
    schemas = (member(request, "tools"), member(member(request, "text"), "format"))
    return "\n".join([*asked, *(text for schema in schemas if (text := written(schema)))])


def context_changes(request: Any, text: str, role: str = "developer") -> tuple[Change, ...]:
    """Gives the changes that put a message with this text before the last user item, else into the instructions."""
    if request.__class__ is not dict:
        return ()
    asked = request.get("input")
    if asked.__class__ is list:
        message = {"type": "message", "role": role, "content": text}
        return (Insert(("input",), before_last_user_turn(asked), message),)
    instructions = string(request, "instructions")
    return (Set(("instructions",), f"{instructions}\n\n{text}" if instructions else text),)


def tool_results(request: Any, reply: Any, results: Sequence[tuple[ToolCall, str]]) -> tuple[Change, ...]:
    """Gives the changes that append the reply's items and the results; a call without a result is left out."""
    if not results or request.__class__ is not dict:
        return ()
    kept = request.get("store") is not False
    answered = {call.id for call, _ in results}
    items = [*_turn(elements(reply, "output"), answered, kept), *(_output(call, text) for call, text in results)]
    asked = request.get("input")
    if asked.__class__ is list:
        return tuple(Insert(("input",), len(asked) + at, item) for at, item in enumerate(items))
    first = [{"role": "user", "content": asked}] if isinstance(asked, str) else []
    return (Set(("input",), [*first, *items]),)


def _turn(output: list[Any], answered: set[str], kept: bool) -> list[Any]:
    """Gives the items that may stand in the next input.

    What the upstream did not keep cannot be named by its id: without `encrypted_content` a thought is left out, and
    a call that named it would be refused, so that it goes without its id.
    """
    turn = []
    for item in output:
        kind = string(item, "type")
        if kind in ("function_call", "custom_tool_call") and string(item, "call_id") not in answered:
            continue
        if kind == "reasoning" and not kept and not string(item, "encrypted_content"):
            continue
        if not kept and item.__class__ is dict and kind != "reasoning":
            item = {key: value for key, value in item.items() if key != "id"}
        turn.append(item)
    return turn


def _output(call: ToolCall, text: str) -> dict[str, Any]:
    kind = "custom_tool_call_output" if call.kind == "custom" else "function_call_output"
    return {"type": kind, "call_id": call.id, "output": text}
