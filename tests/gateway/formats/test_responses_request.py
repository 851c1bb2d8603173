"""Tests of what is read from requests of responses and put into them."""

import json
from typing import Any

from gateway.answers import ToolCall
from gateway.formats import responses
from gateway.splice import spliced

REPLY = {
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "id": "fc_2", "call_id": "c2", "name": "theirs", "arguments": "{}"},
        {"type": "custom_tool_call", "id": "ct", "call_id": "c3", "name": "g", "input": "raw"},
    ]
}
RESULTS = [(ToolCall("c1", "f", "{}", 1), "one"), (ToolCall("c3", "g", "raw", 3, kind="custom"), "three")]
OUTPUTS = [
    {"type": "function_call_output", "call_id": "c1", "output": "one"},
    {"type": "custom_tool_call_output", "call_id": "c3", "output": "three"},
]


def changed(request: dict[str, Any], changes: Any) -> dict[str, Any]:
    return json.loads(spliced(json.dumps(request).encode(), changes))  # type: ignore[no-any-return]


def test_a_reminder_stands_directly_before_the_last_user_item() -> None:
    items = [{"role": "user", "content": "a"}, {"type": "function_call_output", "call_id": "c", "output": "x"}]
    request = changed({"input": items}, responses.context_changes({"input": items}, "remember"))
    assert request["input"] == [{"type": "message", "role": "developer", "content": "remember"}, *items]


def test_where_the_input_is_a_string_a_reminder_goes_into_the_instructions() -> None:
    request = {"input": "hello", "instructions": "Be brief."}
    assert changed(request, responses.context_changes(request, "remember"))["instructions"] == "Be brief.\n\nremember"
    assert changed({"input": "x"}, responses.context_changes({"input": "x"}, "remember"))["instructions"] == "remember"


def test_a_turn_with_results_can_be_sent_again() -> None:
    request: dict[str, Any] = {"input": [{"role": "user", "content": "q"}]}
    again = changed(request, responses.tool_results(request, REPLY, RESULTS))["input"]
    assert again == [*request["input"], REPLY["output"][0], REPLY["output"][1], REPLY["output"][3], *OUTPUTS]


def test_a_string_input_becomes_a_list() -> None:
    again = changed({"input": "q"}, responses.tool_results({"input": "q"}, REPLY, RESULTS))["input"]
    assert again[0] == {"role": "user", "content": "q"}
    assert again[-2:] == OUTPUTS


def test_what_the_upstream_does_not_keep_is_not_named_by_its_id() -> None:
    request = {"input": "q", "store": False}
    again = changed(request, responses.tool_results(request, REPLY, RESULTS))["input"]
    assert [item.get("type") for item in again[1:3]] == ["function_call", "custom_tool_call"]
    assert all("id" not in item for item in again)


def test_a_sealed_thought_goes_back_with_its_call() -> None:
    thought = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "sealed"}
    request = {"input": "q", "store": False}
    again = changed(request, responses.tool_results(request, {"output": [thought]}, RESULTS))["input"]
    assert again[1] == thought


def test_the_text_of_a_request_holds_instructions_input_and_tools() -> None:
    request = {"instructions": "be", "input": [{"content": [{"text": "look"}]}], "tools": [{"name": "find"}]}
    text = responses.input_text(request)
    assert all(word in text for word in ("be", "look", "find"))
