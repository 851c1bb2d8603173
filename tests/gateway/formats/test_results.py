"""Requests of the next step: results of calls, notes, and what is put back beside the client's own."""

from typing import Any

import msgspec
import pytest

from gateway.answers import Change, Set, ToolCall
from gateway.formats import chat, responses
from gateway.formats.found import Answered, KeptTurn
from gateway.splice import spliced
from tests.builders.streams import call_item, message_item

LOOK = ToolCall("call_0", "look", "{}")
SEARCH = ToolCall("ws_1", "web_search", "{}", 1, kind="web_search_call")
THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": []}
SEARCHED = {"id": "ws_1", "type": "web_search_call", "status": "completed"}


def made(request: Any, changes: tuple[Change, ...]) -> Any:
    return msgspec.json.decode(spliced(msgspec.json.encode(request), changes))


def test_a_conversation_of_the_upstream_is_sent_the_results_alone() -> None:
    request = {"conversation": "conv_1", "input": [{"role": "user", "content": "Hi"}]}
    reply = {"output": [message_item(1, "Hm"), call_item(0, "look", "{}")]}
    assert responses.tool_results(request, reply, [(LOOK, "42")]) == (
        Set(("input",), [{"type": "function_call_output", "call_id": "call_0", "output": "42"}]),
    )


def test_a_blocked_tool_of_the_upstreams_own_leaves_with_the_thought_that_led_to_it() -> None:
    reply = {"output": [message_item(0, "Hm"), THOUGHT, SEARCHED, message_item(2, "So")]}
    sent = made({"input": "Hi"}, responses.tool_results({"input": "Hi"}, reply, [(SEARCH, "not available")]))["input"]
    assert [item.get("id") for item in sent] == [None, "msg_0", "msg_2"]


def test_a_search_that_was_allowed_stays_in_the_turn() -> None:
    reply = {"output": [THOUGHT, SEARCHED, call_item(0, "look", "{}")]}
    sent = made({"input": "Hi"}, responses.tool_results({"input": "Hi"}, reply, [(LOOK, "42")]))["input"]
    assert [item.get("type") for item in sent[1:]] == [
        "reasoning",
        "web_search_call",
        "function_call",
        "function_call_output",
    ]


def test_a_note_stands_behind_all_that_was_said() -> None:
    messages = [{"role": "user", "content": "Hi"}]
    assert made({"messages": messages}, chat.noted({"messages": messages}, "Be calm."))["messages"][-1] == {
        "role": "system",
        "content": "Be calm.",
    }
    sent = made({"input": messages}, responses.noted({"input": messages}, "Be calm."))["input"]
    assert (sent[-1]["role"], sent[-1]["content"]) == ("system", "Be calm.")


def turn(*theirs: str, ours: str) -> KeptTurn:
    return KeptTurn(
        tuple(ToolCall(id, "f", "{}") for id in theirs), (Answered(ToolCall(ours, "look", "{}"), f"of {ours}"),)
    )


def test_two_turns_of_one_conversation_are_both_put_back() -> None:
    def said(id: str) -> list[dict[str, Any]]:
        call = {"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}
        return [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": id, "content": "mine"}]

    request = {"messages": [{"role": "user", "content": "Hi"}, *said("a"), *said("b"), *said("c")]}
    sent = made(request, chat.put_back(request, [turn("a", ours="x"), turn("c", ours="z")]))["messages"]
    calls = [[call["id"] for call in each.get("tool_calls", ())] or each.get("tool_call_id") for each in sent[1:]]
    assert calls == [["x", "a"], "x", "a", ["b"], "b", ["z", "c"], "z", "c"]


OTHER = [("get_weather", '{"q": 1}'), ("f", '{"q": 2}'), ("f", "no JSON"), ("f", "")]


@pytest.mark.parametrize(("name", "arguments"), OTHER)
def test_another_call_of_the_same_id_gets_nothing_of_it(name: str, arguments: str) -> None:
    kept = KeptTurn((ToolCall("a", "f", '{"q": 1}'),), (Answered(ToolCall("x", "look", "{}"), "of x"),))
    call = {"id": "a", "type": "function", "function": {"name": name, "arguments": arguments}}
    messages = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "a", "content": "mine"}]
    assert chat.put_back({"messages": messages}, [kept]) == ()
    items = [
        {"type": "function_call", "call_id": "a", "name": name, "arguments": arguments},
        {"type": "function_call_output", "call_id": "a", "output": "mine"},
    ]
    assert responses.put_back({"input": items}, [kept]) == ()


@pytest.mark.parametrize("input", ["raw", "other"])
def test_a_custom_call_is_known_by_its_input(input: str) -> None:
    kept = KeptTurn((ToolCall("a", "f", "raw", kind="custom"),), (Answered(ToolCall("x", "look", "{}"), "of x"),))
    call = {"id": "a", "type": "custom", "custom": {"name": "f", "input": input}}
    messages = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "a", "content": "mine"}]
    assert bool(chat.put_back({"messages": messages}, [kept])) is (input == "raw")
    items = [
        {"type": "custom_tool_call", "call_id": "a", "name": "f", "input": input},
        {"type": "custom_tool_call_output", "call_id": "a", "output": "mine"},
    ]
    assert bool(responses.put_back({"input": items}, [kept])) is (input == "raw")


def test_two_turns_of_one_input_are_both_put_back() -> None:
    def said(id: str) -> list[dict[str, Any]]:
        call = {"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"}
        return [call, {"type": "function_call_output", "call_id": id, "output": "mine"}]

    request = {"input": [{"role": "user", "content": "Hi"}, *said("a"), *said("b")]}
    sent = made(request, responses.put_back(request, [turn("a", ours="x"), turn("b", ours="y")]))["input"]
    assert [item.get("call_id") for item in sent[1:]] == ["x", "a", "x", "a", "y", "b", "y", "b"]


def test_a_turn_that_the_client_does_not_answer_is_left_out() -> None:
    request = {"input": [{"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}]}
    assert responses.put_back(request, [turn("a", ours="x")]) == ()
    assert chat.put_back({"messages": "odd"}, [turn("a", ours="x")]) == ()
    assert responses.answered_calls({"input": "odd"}) == chat.answered_calls({"messages": [1, None]}) == []
