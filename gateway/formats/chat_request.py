"""The requests of `/chat/completions`: their text, a reminder for the model, and the results of calls."""

from collections.abc import Sequence
from typing import Any

from gateway.answers import Change, Insert, ToolCall
from gateway.formats.found import KeptTurn
from gateway.formats.same_call import is_same_call
from gateway.formats.strangers import elements, member, string, texts, written

_LEADING = ("system", "developer")


def input_text(request: Any) -> str:
    """Gives the text that the model reads: messages, tools, and the shape that the answer must have."""
    asked = [*texts(member(request, "messages"))]
    schemas = (member(request, key) for key in ("tools", "functions", "response_format"))
    return "\n".join([*asked, *(text for schema in schemas if (text := written(schema)))])


def context_changes(request: Any, text: str, role: str = "developer") -> tuple[Change, ...]:
    """Gives the changes that put a message with this text directly before the last user turn."""
    messages = member(request, "messages")
    if messages.__class__ is not list:
        return ()
    return (Insert(("messages",), before_last_user_turn(messages), {"role": role, "content": text}),)


def before_last_user_turn(messages: list[Any]) -> int:
    """Gives the place of the last message of the user; without one, the place behind the leading instructions."""
    for at in range(len(messages) - 1, -1, -1):
        if string(messages[at], "role") == "user":
            return at
    return next((at for at, each in enumerate(messages) if string(each, "role") not in _LEADING), len(messages))


def noted(request: Any, text: str) -> tuple[Change, ...]:
    """Gives the changes that put a note of the system behind all that was said."""
    messages = member(request, "messages")
    if messages.__class__ is not list:
        return ()
    return (Insert(("messages",), len(messages), {"role": "system", "content": text}),)


def answered_calls(request: Any) -> list[str]:
    """Gives the ids of the calls whose results a request has."""
    return [
        id
        for message in elements(request, "messages")
        if string(message, "role") == "tool" and (id := string(message, "tool_call_id"))
    ]


def put_back(request: Any, turns: Sequence[KeptTurn]) -> tuple[Change, ...]:
    """Gives the changes that put calls which the client never saw, and their results, beside its own of that turn.

    A turn of the request is one that was kept where its calls are the same, not only their ids.
    """
    known = {call.id: (turn, call) for turn in turns for call in turn.theirs}
    changes: list[Change] = []
    messages = elements(request, "messages")
    for at in range(len(messages) - 1, -1, -1):
        calls = elements(messages[at], "tool_calls")
        named = [(known[id], call) for call in calls if (id := string(call, "id")) in known]
        if not named or not all(_is_same(kept, call) for (_, kept), call in named):
            continue
        turn = named[0][0][0]
        there = {string(call, "id") for call in calls}
        for answered in turn.ours:
            if answered.call.id not in there:
                place = min(answered.call.index, len(calls) + len(turn.ours))
                changes.append(Insert(("messages", at, "tool_calls"), place, _written_call(answered.call)))
        for number, answered in enumerate(each for each in turn.ours if each.call.id not in there):
            message = {"role": "tool", "tool_call_id": answered.call.id, "content": answered.output}
            changes.append(Insert(("messages",), at + 1 + number, message))
    return tuple(changes)


def tool_results(request: Any, reply: Any, results: Sequence[tuple[ToolCall, str]]) -> tuple[Change, ...]:
    """Gives the changes that append the model's turn and the results; a call without a result is left out."""
    if not results or member(request, "messages").__class__ is not list:
        return ()
    wanted = results[0][0].choice
    choices = elements(reply, "choices")
    said = next((member(each, "message") for at, each in enumerate(choices) if _index(each, at) == wanted), None)
    messages = _turn(said if isinstance(said, dict) else {}, results)
    start = len(request["messages"])
    return tuple(Insert(("messages",), start + at, message) for at, message in enumerate(messages))


def _is_same(kept: ToolCall, call: Any) -> bool:
    if kept.kind == "custom":
        said = member(call, "custom")
        return is_same_call(kept, string(said, "name"), string(said, "input"))
    said = member(call, "function")
    return is_same_call(kept, string(said, "name"), string(said, "arguments"))


def _index(choice: Any, at: int) -> int:
    index = member(choice, "index")
    return index if index.__class__ is int else at


def _turn(said: dict[str, Any], results: Sequence[tuple[ToolCall, str]]) -> list[dict[str, Any]]:
    turn: dict[str, Any] = {"role": "assistant", "content": said.get("content")}
    # DeepSeek and others want the thought that led to a call back with its result.
    turn |= {key: said[key] for key in ("reasoning_content", "reasoning_details", "refusal") if said.get(key)}
    if isinstance(legacy := said.get("function_call"), dict) and not said.get("tool_calls"):
        call, output = results[0]
        return [{**turn, "function_call": legacy}, {"role": "function", "name": call.name, "content": output}]
    turn["tool_calls"] = [_written_call(call) for call, _ in results]
    answers = [{"role": "tool", "tool_call_id": call.id, "content": output} for call, output in results]
    return [turn, *answers]


def _written_call(call: ToolCall) -> dict[str, Any]:
    if call.kind == "custom":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
