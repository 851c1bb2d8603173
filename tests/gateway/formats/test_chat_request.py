"""Tests of what is read from chat requests and put into them."""

import json
from typing import Any

from gateway.answers import ToolCall
from gateway.formats import chat
from gateway.splice import spliced


def changed(request: dict[str, Any], changes: Any) -> dict[str, Any]:
    return json.loads(spliced(json.dumps(request).encode(), changes))  # type: ignore[no-any-return]


def test_a_reminder_stands_directly_before_the_last_user_turn() -> None:
    turns = [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    request = changed({"messages": turns}, chat.context_changes({"messages": turns}, "remember"))
    assert request["messages"] == [*turns[:2], {"role": "developer", "content": "remember"}, turns[2]]


def test_without_a_user_turn_a_reminder_follows_the_instructions() -> None:
    turns = [{"role": "developer", "content": "d"}, {"role": "assistant", "content": "a"}]
    request = changed({"messages": turns}, chat.context_changes({"messages": turns}, "remember", role="system"))
    assert request["messages"][1] == {"role": "system", "content": "remember"}


def test_a_turn_with_results_can_be_sent_again() -> None:
    calls = [ToolCall("c1", "f", "{}", 0, 0), ToolCall("c3", "g", "raw", 0, 2, "custom")]
    message = {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Hm",
        "tool_calls": [
            {"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id in ("c1", "c2")
        ],
    }
    request = {"messages": [{"role": "user", "content": "q"}]}
    again = changed(
        request, chat.tool_results(request, {"choices": [{"message": message}]}, [(c, "done") for c in calls])
    )
    turn, *answers = again["messages"][1:]
    assert [call["id"] for call in turn["tool_calls"]] == ["c1", "c3"]
    assert turn["tool_calls"][1] == {"id": "c3", "type": "custom", "custom": {"name": "g", "input": "raw"}}
    assert (turn["role"], turn["content"], turn["reasoning_content"]) == ("assistant", None, "Hm")
    assert answers == [{"role": "tool", "tool_call_id": id, "content": "done"} for id in ("c1", "c3")]


def test_a_legacy_call_is_answered_as_a_function() -> None:
    legacy = {"name": "f", "arguments": "{}"}
    request: dict[str, Any] = {"messages": []}
    reply = {"choices": [{"message": {"content": None, "function_call": legacy}}]}
    again = changed(request, chat.tool_results(request, reply, [(ToolCall("", "f", "{}"), "7")]))
    assert again["messages"] == [
        {"role": "assistant", "content": None, "function_call": legacy},
        {"role": "function", "name": "f", "content": "7"},
    ]


def test_the_text_of_a_request_holds_messages_and_tools_but_no_pictures() -> None:
    content = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:base64"}}]
    request = {"messages": [{"role": "user", "content": content}], "tools": [{"function": {"name": "find"}}]}
    text = chat.input_text(request)
    assert "look" in text
    assert "find" in text
    assert "base64" not in text
