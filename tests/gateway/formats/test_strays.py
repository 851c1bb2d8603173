"""What tells of a call otherwise than its format reads it is found, and what only has such names is not."""

import json
from types import ModuleType
from typing import Any

import pytest

from gateway.formats import chat, listings, responses, runs
from gateway.formats.strays import may_tell_of_call
from tests.builders.runs import a_run, a_step, run_call, tool_of_run
from tests.builders.streams import call_item, message_item

CALL: dict[str, Any] = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ITEM = call_item(0, "f", "{}")


def message(**members: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", **members}}]}


def delta(**members: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": members}]}


WHOLE: list[tuple[ModuleType, Any, str]] = [
    (chat, message(TOOL_CALLS=[CALL]), "TOOL_CALLS"),
    (chat, message(Function_Call={"name": "f"}), "Function_Call"),
    (chat, message(tool_calls={"0": CALL}), "tool_calls"),
    (chat, message(tool_calls=["f"]), "tool_calls"),
    (chat, message(tool_calls=json.dumps([CALL])), "tool_calls"),
    (chat, message(function_call=' {"name": "f"}'), "function_call"),
    (chat, message(tool_calls=[{**CALL, "name": "g"}]), "g"),
    (chat, message(tool_calls=[{"type": "mcp", "mcp": {"name": "f"}}]), "mcp"),
    (responses, {"output": [{**ITEM, "Namespace": "crm"}]}, "Namespace"),
    (chat, message(function_call=[{"name": "f"}]), "function_call"),
    (chat, message(tool_calls=[{**CALL, "Function": {"name": "f"}}]), "Function"),
    (chat, message(tool_calls=[{"function": {"NAME": "f"}}]), "NAME"),
    (chat, message(tool_calls=[{"cu\u017ftom": {"name": "f"}}]), "cu\u017ftom"),
    (chat, delta(tool_calls=[CALL]), "tool_calls"),
    (chat, {"Choices": [{"message": {"tool_calls": [CALL]}}]}, "Choices"),
    (chat, {"choices": [{"Message": {"tool_calls": [CALL]}}]}, "Message"),
    (chat, {"choices": [{"tool_calls": [CALL]}]}, "tool_calls"),
    (chat, {"tool_calls": [CALL]}, "tool_calls"),
    (chat, {"choices": {"0": {"message": {"tool_calls": [CALL]}}}}, "tool_calls"),
    (chat, {"output": [ITEM]}, "function_call"),
    (responses, {"Output": [ITEM]}, "Output"),
    (responses, {"output": {"0": ITEM}}, "function_call"),
    (responses, {"item": ITEM}, "function_call"),
    (responses, {"output": [{**ITEM, "type": "Function_Call"}]}, "Function_Call"),
    (responses, {"output": [{"Type": "function_call", "name": "f"}]}, "Type"),
    (responses, {"output": [{**ITEM, "Name": "g"}]}, "Name"),
    (responses, {"output": [{"type": "message", "content": [ITEM]}]}, "function_call"),
    (responses, {"output": [{"type": "PROGRAM"}]}, "PROGRAM"),
    (responses, message(tool_calls=[CALL]), "tool_calls"),
    (runs, a_run([], None, Required_Action={"submit_tool_outputs": {"tool_calls": [CALL]}}), "Required_Action"),
    (runs, a_run([], None, required_action={"tool_calls": [CALL]}), "tool_calls"),
    (runs, {"data": [a_run([CALL], None)]}, "tool_calls"),
    (runs, {"object": "thread.run.step", "step_details": {"function_call": {"name": "f"}}}, "function_call"),
    (
        runs,
        a_run([], None, required_action={"submit_tool_outputs": {"function_call": {"name": "f"}}}),
        "function_call",
    ),
    (listings, {"data": [{"step_details": {"function_call": {"name": "f"}}}]}, "function_call"),
    (responses, {"output": [{"type": "message", "content": [{"type": "max_tool_call"}]}]}, "max_tool_call"),
    (responses, {"output": [{"type": "message", "content": [{"type": "parallel_tool_call"}]}]}, "parallel_tool_call"),
    (responses, {"output": [{"type": "message", "content": [{"type": "Max_Tool_Calls"}]}]}, "Max_Tool_Calls"),
    (listings, {"data": [a_step([{"type": "function", "Function": {"name": "f"}}])]}, "Function"),
    (listings, {"DATA": [ITEM]}, "DATA"),
    (listings, {"data": [{"content": [ITEM]}]}, "function_call"),
]
STREAMED: list[tuple[ModuleType, Any, str]] = [
    (chat, message(tool_calls=[CALL]), "tool_calls"),
    (chat, delta(Tool_Calls=[CALL]), "Tool_Calls"),
    (chat, delta(tool_calls=CALL), "tool_calls"),
    (chat, delta(tool_calls=[{"index": 0, "name": "f"}]), "f"),
    (chat, delta(tool_calls=[{"index": 0, "type": "custom", "name": "f", "arguments": "{}"}]), "f"),
    (chat, delta(tool_calls=[{"index": 0, "type": "mcp"}]), "mcp"),
    (chat, {"choices": [{"DELTA": {"tool_calls": [CALL]}}]}, "DELTA"),
    (responses, {"type": "response.output_item.added", "Item": ITEM}, "Item"),
    (responses, {"type": "response.output_item.added", "item": [ITEM]}, "function_call"),
    (responses, {"type": "response.completed", "response": {"OUTPUT": [ITEM]}}, "OUTPUT"),
    (responses, {"type": "response.completed", "output": [ITEM]}, "function_call"),
    (
        responses,
        {"type": "Response.Function_Call_Arguments.Delta", "delta": "{}"},
        "Response.Function_Call_Arguments.Delta",
    ),
    (runs, {"object": "thread.run.step.delta", "delta": {"tool_calls": [CALL]}}, "tool_calls"),
    (
        runs,
        {"object": "thread.run.step.delta", "delta": {"step_details": {"function_call": {"name": "f"}}}},
        "function_call",
    ),
]


@pytest.mark.parametrize("at", range(len(WHOLE)))
def test_a_whole_reply_that_tells_of_a_call_otherwise_is_known(at: int) -> None:
    format, reply, name = WHOLE[at]
    assert format.stray_call(reply, streamed=False) == name
    assert format.may_hold_call(json.dumps(reply).encode())


@pytest.mark.parametrize("at", range(len(STREAMED)))
def test_an_event_that_tells_of_a_call_otherwise_is_known(at: int) -> None:
    format, event, name = STREAMED[at]
    assert format.stray_call(event, streamed=True) == name
    assert format.may_hold_call(json.dumps(event).encode())
    assert format.may_call(json.dumps(event).encode())


SCHEMA = {"type": "function", "name": "f", "parameters": {"properties": {"tool_calls": {"type": "phone_call"}}}}
HONEST: list[tuple[ModuleType, Any]] = [
    (chat, message(tool_calls=[CALL, None], function_call=None)),
    (chat, message(content="tool_calls", tool_calls=[])),
    (chat, message(tool_calls="", function_call="auto")),
    (chat, message(tool_calls=[{**CALL, "name": "f"}, {**CALL, "type": "builtin_function"}])),
    (chat, message(function_call={"name": "f", "arguments": {"Tool_Calls": [1], "type": "x_call"}})),
    (chat, {**message(tool_calls=[CALL]), "tools": [SCHEMA], "metadata": {"Function_Call": [1]}}),
    (responses, {"output": [ITEM, message_item(1, "x")], "tools": [SCHEMA], "text": {"format": {"Type": "x_call"}}}),
    (responses, {"output": [{"type": "file_search_call", "results": [{"attributes": {"type": "phone_call"}}]}]}),
    (responses, {"output": [{**ITEM, "caller": {"type": "program", "caller_id": "p"}}]}),
    (runs, a_run([run_call(0, "f")], ["f"])),
    (listings, {"object": "list", "data": [a_run([CALL], ["f"]), a_step([run_call(0, "file_search")])]}),
    (listings, {"data": [message(tool_calls=[CALL]), {"role": "assistant", "tool_calls": [CALL]}, ITEM]}),
]


@pytest.mark.parametrize("at", range(len(HONEST)))
def test_what_the_api_writes_is_none(at: int) -> None:
    format, reply = HONEST[at]
    assert format.stray_call(reply, streamed=False) is None


def test_what_streams_a_call_is_none() -> None:
    assert chat.stray_call(delta(tool_calls=[{"index": 0, **CALL}]), streamed=True) is None
    for event in (
        {"type": "response.output_item.added", "output_index": 0, "item": ITEM},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{}"},
        {"type": "response.completed", "response": {"output": [ITEM], "tools": [tool_of_run("f")]}},
    ):
        assert responses.stray_call(event, streamed=True) is None


def test_the_words_of_whole_responses_are_no_calls() -> None:
    calm = b'{"parallel_tool_calls":true,"max_tool_calls":null,"tools":[],"output":[{"type":"message"}]}'
    assert not responses.may_hold_call(calm)
    assert responses.may_call(calm)
    assert responses.may_hold_call(calm.replace(b'"max_tool_calls"', b'"tool_calls"'))
    for kind in (b"max_tool_call", b"parallel_tool_call"):
        assert responses.may_hold_call(calm.replace(b'"message"', b'"%b"' % kind))
    assert responses.may_hold_call(calm.replace(b'"max_tool_calls"', b'"max_tool_calls":1,"tool_calls"'))


@pytest.mark.parametrize("letter", "_callCALL")
def test_a_letter_may_be_written_by_its_number(letter: str) -> None:
    for case in ("tool_calls", "TOOL_CALLS"):
        assert may_tell_of_call(case.replace(letter, f"\\u{ord(letter):04x}").encode())
    assert not may_tell_of_call(b'{"content":"caf\\u00e9 \\u0000 \\n"}')
