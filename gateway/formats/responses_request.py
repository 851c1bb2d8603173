"""The requests of `/responses`: their text, a reminder for the model, and the results of calls."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.answers import Change, Insert, Set, ToolCall
from gateway.formats.chat_request import before_last_user_turn
from gateway.formats.found import KeptTurn
from gateway.formats.same_call import is_same_call
from gateway.formats.strangers import elements, member, string, texts, written

_KINDS = ("function", "custom")
_ANSWERED_HERE = ("function_call", "custom_tool_call")


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


def noted(request: Any, text: str) -> tuple[Change, ...]:
    """Gives the changes that put a note of the system behind all that was said."""
    asked = member(request, "input")
    if asked.__class__ is not list:
        return ()
    return (Insert(("input",), len(asked), {"type": "message", "role": "system", "content": text}),)


def answered_calls(request: Any) -> list[str]:
    """Gives the ids of the calls whose results a request has."""
    items = elements(request, "input")
    return [id for item in items if string(item, "type").endswith("_call_output") and (id := string(item, "call_id"))]


def put_back(request: Any, turns: Sequence[KeptTurn]) -> tuple[Change, ...]:
    """Gives the changes that put results of calls which the client never saw before those of its own of that turn.

    The calls themselves come with them where the client sends its own again, and they are the same, not only their ids;
    else the upstream has them all.
    """
    changes: list[Change] = []
    moved = 0
    items = elements(request, "input")
    for turn in turns:
        theirs = {call.id: call for call in turn.theirs}
        named = [(at, string(item, "type")) for at, item in enumerate(items) if string(item, "call_id") in theirs]
        call = next((at for at, kind in named if kind in _ANSWERED_HERE), None)
        result = next((at for at, kind in named if kind.endswith("_output")), None)
        calls = [items[at] for at, kind in named if kind in _ANSWERED_HERE]
        if result is None or not all(_is_same(theirs[string(item, "call_id")], item) for item in calls):
            continue
        there = {string(item, "call_id") for item in items if string(item, "type").endswith("_output")}
        ours = [answered for answered in turn.ours if answered.call.id not in there]
        if call is not None:
            changes += [Insert(("input",), call + moved + at, _call(each.call)) for at, each in enumerate(ours)]
            moved += len(ours)
        outputs = [_output(each.call, each.output) for each in ours]
        changes += [Insert(("input",), result + moved + at, output) for at, output in enumerate(outputs)]
        moved += len(ours)
    return tuple(changes)


def _is_same(kept: ToolCall, item: Any) -> bool:
    said = string(item, "input" if kept.kind == "custom" else "arguments")
    return is_same_call(kept, string(item, "name"), said)


def tool_results(request: Any, reply: Any, results: Sequence[tuple[ToolCall, str]]) -> tuple[Change, ...]:
    """Gives the changes that append the reply's items and the results; a call without a result is left out.

    A tool of the upstream's own takes no result, so that its call is left out too. A conversation has the items.
    """
    if not results or request.__class__ is not dict:
        return ()
    outputs = [_output(call, text) for call, text in results if call.kind in _KINDS]
    if request.get("conversation") is not None:
        return (Set(("input",), outputs),)
    kept = request.get("store") is not False
    answered = {call.id: call.kind in _KINDS for call, _ in results}
    items = [*_turn(elements(reply, "output"), answered, kept), *outputs]
    asked = request.get("input")
    if asked.__class__ is list:
        return tuple(Insert(("input",), len(asked) + at, item) for at, item in enumerate(items))
    first = [{"role": "user", "content": asked}] if isinstance(asked, str) else []
    return (Set(("input",), [*first, *items]),)


def _turn(output: list[Any], answered: Mapping[str, bool], kept: bool) -> list[Any]:
    """Gives the items that may stand in the next input; `answered` says of calls by id whether they have a result.

    What the upstream did not keep cannot be named by its id: without `encrypted_content` a thought is left out, and
    a call that named it would be refused, so that it goes without its id. A thought leads to what stands behind it, and
    goes with it.
    """
    turn: list[Any] = []
    for item in output:
        kind, id = string(item, "type"), string(item, "call_id") or string(item, "id")
        if not answered.get(id, kind not in _ANSWERED_HERE):
            while turn and string(turn[-1], "type") == "reasoning":
                turn.pop()
            continue
        if kind == "reasoning" and not kept and not string(item, "encrypted_content"):
            continue
        if not kept and item.__class__ is dict and kind != "reasoning":
            item = {key: value for key, value in item.items() if key != "id"}
        turn.append(item)
    return turn


def _call(call: ToolCall) -> dict[str, Any]:
    named = {"call_id": call.id, "name": call.name, **({"namespace": call.namespace} if call.namespace else {})}
    if call.kind == "custom":
        return {"type": "custom_tool_call", **named, "input": call.arguments}
    return {"type": "function_call", **named, "arguments": call.arguments}


def _output(call: ToolCall, text: str) -> dict[str, Any]:
    kind = "custom_tool_call_output" if call.kind == "custom" else "function_call_output"
    return {"type": kind, "call_id": call.id, "output": text}
