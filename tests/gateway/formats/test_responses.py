"""Tests of the format of responses."""

from typing import Any

import pytest

from gateway.answers import Set, ToolCall
from gateway.formats import responses
from tests.builders.streams import call_item, message_item, response_events, told

OUTPUT: list[dict[str, Any]] = [
    {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "short"}],
        "content": [{"type": "reasoning_text", "text": "long"}],
    },
    {
        "type": "message",
        "content": [
            {"type": "output_text", "text": "Hello", "logprobs": [{"token": "Hello"}]},
            {"type": "refusal", "refusal": "No"},
        ],
    },
    {"type": "function_call", "call_id": "c1", "id": "fc", "name": "f", "arguments": "{}"},
    {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "raw"},
    {"type": "web_search_call", "id": "ws", "action": {"type": "search", "query": "cats"}},
    {"type": "mcp_call", "id": "m", "name": "remote", "server_label": "s", "arguments": "[]", "output": "told"},
    {"type": "code_interpreter_call", "id": "ci", "code": "1+1"},
    {"type": "shell_call", "call_id": "sh", "action": {"commands": ["ls", "pwd"]}},
    {"type": "apply_patch_call", "call_id": "ap", "operation": {"type": "update_file", "diff": "+x"}},
    {"type": "mcp_approval_request", "id": "ar", "name": "delete", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "not the model's"},
]


def test_each_text_of_a_reply_is_found() -> None:
    found = [(piece.choice, piece.channel, piece.text) for piece in responses.pieces({"output": OUTPUT})]
    assert sorted(found) == sorted(
        [
            (0, "reasoning", "short"),
            (0, "reasoning", "long"),
            (1, "text", "Hello"),
            (1, "refusal", "No"),
            (2, "arguments", "{}"),
            (3, "arguments", "raw"),
            (4, "arguments", "cats"),
            (5, "arguments", "[]"),
            (6, "arguments", "1+1"),
            (7, "arguments", "ls"),
            (7, "arguments", "pwd"),
            (8, "arguments", "+x"),
            (9, "arguments", "{}"),
        ]
    )


def test_the_calls_of_a_reply_are_found_whatever_runs_them() -> None:
    assert [found.call for found in responses.calls({"output": OUTPUT})] == [
        ToolCall("c1", "f", "{}", 2),
        ToolCall("c2", "g", "raw", 3, kind="custom"),
        ToolCall("ws", "web_search", '{"type":"search","query":"cats"}', 4, kind="web_search_call"),
        ToolCall("m", "remote", "[]", 5, kind="mcp_call", server="s"),
        ToolCall("ci", "code_interpreter", "1+1", 6, kind="code_interpreter_call"),
        ToolCall("sh", "shell", '{"commands":["ls","pwd"]}', 7, kind="shell_call"),
        ToolCall("ap", "apply_patch", '{"type":"update_file","diff":"+x"}', 8, kind="apply_patch_call"),
        ToolCall("ar", "delete", "{}", 9, kind="mcp_approval_request"),
    ]


def test_the_probabilities_of_a_text_change_along_with_it() -> None:
    piece = next(piece for piece in responses.pieces({"output": OUTPUT}) if piece.text == "Hello")
    assert piece.along == (Set(("output", 1, "content", 0, "logprobs"), []),)


@pytest.mark.parametrize("item", [message_item(0, "hello"), call_item(0, "f", "hello")])
def test_an_item_is_told_in_pieces_and_then_repeated_at_the_same_place(item: dict[str, Any]) -> None:
    events = response_events([item], told(item, 0, ["hel", "lo"]))
    found = [piece for event in events for piece in responses.event_pieces(event)]
    assert [piece.text for piece in found if not piece.whole] == ["hel", "lo"]
    assert {piece.text for piece in found if piece.whole} == {"hello"}
    assert len([piece for piece in found if piece.whole]) >= 3
    assert len({(piece.channel, piece.choice, piece.place) for piece in found}) == 1


def test_a_delta_that_is_newer_than_this_gateway_is_text() -> None:
    (piece,) = responses.event_pieces({"type": "response.haiku.delta", "output_index": 2, "delta": "frog"})
    assert (piece.channel, piece.choice, piece.text) == ("text", 2, "frog")


def test_sound_is_no_text() -> None:
    assert responses.event_pieces({"type": "response.audio.delta", "delta": "UklGRg=="}) == []


def test_the_events_of_a_call_say_its_name_then_its_arguments_then_that_it_is_done() -> None:
    item = call_item(1, "f", "{}")
    deltas = [delta for event in told(item, 1, ["{", "}"]) for delta in responses.event_calls(event)]
    assert [(delta.name, delta.arguments, delta.named, delta.done, delta.whole) for delta in deltas] == [
        ("f", "", True, False, True),
        (None, "{", False, False, False),
        (None, "}", False, False, False),
        (None, "{}", False, True, True),
        ("f", "{}", True, True, True),
    ]
    assert {(delta.choice, delta.place) for delta in deltas} == {(1, "call")}


REMOTE = {"type": "mcp_call", "id": "mcp_1", "name": "read", "server_label": "wiki", "arguments": "{}"}


@pytest.mark.parametrize("kind", ["mcp_call", "mcp_approval_request"])
@pytest.mark.parametrize("event", ["response.output_item.added", "response.output_item.done"])
def test_the_event_of_a_servers_call_says_which_server_it_is(event: str, kind: str) -> None:
    (delta,) = responses.event_calls({"type": event, "output_index": 2, "item": {**REMOTE, "type": kind}})
    assert (delta.name, delta.kind, delta.server, delta.choice) == ("read", kind, "wiki", 2)


def test_the_last_event_says_the_server_of_each_call() -> None:
    (delta,) = responses.event_calls({"type": "response.completed", "response": {"output": [REMOTE]}})
    assert (delta.name, delta.server) == ("read", "wiki")


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("response.function_call_arguments", "function"),
        ("response.mcp_call_arguments", "mcp_call"),
        ("response.custom_tool_call_input", "custom"),
    ],
)
def test_the_arguments_of_a_call_say_what_kind_of_call_it_is(family: str, kind: str) -> None:
    event = {"name": "read", "server_label": "wiki", "delta": "{}"}
    deltas = [responses.event_calls({"type": f"{family}.{step}", **event}) for step in ("delta", "done")]
    assert [(delta.kind, delta.server) for (delta,) in deltas] == [(kind, "wiki")] * 2


@pytest.mark.parametrize("label", [None, 7, ["wiki"], {}])
def test_a_server_that_is_no_text_is_none(label: Any) -> None:
    (delta,) = responses.event_calls({"type": "response.output_item.added", "item": {**REMOTE, "server_label": label}})
    assert delta.server == ""


@pytest.mark.parametrize("kind", ["response.completed", "response.failed", "response.incomplete", "error"])
def test_a_stream_ends_with_the_events_of_an_end(kind: str) -> None:
    raw = f'data: {{"type":"{kind}"}}\n\n'.encode()
    assert responses.ends(raw, {"type": kind})
    assert responses.may_end(raw)


def test_other_events_are_no_end() -> None:
    assert not responses.ends(b"", {"type": "response.output_item.done"})
    assert not responses.may_end(b'{"type":"response.output_item.done"}')
    assert responses.ended_choices({"type": "response.output_item.done", "output_index": 4}) == [4]
