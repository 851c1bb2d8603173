"""Tests of what all formats promise: they survive whatever a stranger's upstream says."""

import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers import Path, ToolCall
from gateway.endpoints import load_endpoints
from gateway.formats import chat, completions, format_of, listings, plain, responses, runs
from gateway.splice import spliced

_NAMES = (
    "action added arguments audio choices code command commands content content_index custom delta error "
    "event finish_reason function function_call id index input instructions item logprobs message "
    "messages name object operation output output_index output_text part prompt queries reasoning "
    "reasoning_content reasoning_details refusal response role summary summary_index text thinking "
    "tool_calls tools transcript type usage input_tokens prompt_tokens prompt_tokens_details "
    "cached_tokens data delta step_details required_action submit_tool_outputs tool_call_id TOOL_CALLS Name"
)
_KINDS = (
    "function_call custom_tool_call web_search_call mcp_approval_request message reasoning output_text refusal error "
    "response.output_text.delta response.output_text.done response.new.delta response.output_item.added "
    "response.output_item.done response.function_call_arguments.delta response.function_call_arguments.done "
    "response.completed response.created response.content_part.added response.reasoning_summary_part.done user"
)
KEYS = _NAMES.split()
TYPES = _KINDS.split()
LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.sampled_from(TYPES)
)
JSON = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)
SHAPED = st.builds(
    lambda kind, more, choices, output: {"type": kind, "choices": choices, "output": output, **more},
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5),
    st.lists(st.dictionaries(st.sampled_from(("delta", "message", "index", "text", "logprobs")), JSON), max_size=3),
    st.lists(st.dictionaries(st.sampled_from(("type", "content", "name", "summary", "arguments")), JSON), max_size=3),
)
FORMATS = [chat, responses, completions, runs, listings, plain]
DEEP = b'{"choices":[{"delta":{"x":' + b'{"a":[' * 180 + b"1" + b"]}" * 180 + b"}}]}"


def at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


@pytest.mark.parametrize("format", FORMATS, ids=lambda each: each.name)
@given(value=JSON | SHAPED, other=JSON | SHAPED)
def test_any_json_is_survived(format: ModuleType, value: Any, other: Any) -> None:
    for piece in format.pieces(value):
        assert at(value, piece.path) == piece.text or not isinstance(at(value, piece.path), str)
    for piece in format.event_pieces(value):
        assert at(value, piece.path) == piece.text or not isinstance(at(value, piece.path), str)
        hash((piece.choice, piece.place, piece.lane))
    for found in format.calls(value):
        assert isinstance(at(value, found.path), dict)
        assert isinstance(found.call.name, str)
        assert isinstance(found.call.arguments, str)
    for delta in format.event_calls(value):
        hash((delta.choice, delta.place))
    for streamed in (False, True):
        assert isinstance(format.stray_call(value, streamed=streamed), str | None)
    spliced(json.dumps(value).encode(), format.joined(value, (), [found.path for found in format.calls(value)]))
    format.ended_choices(value)
    format.usage(value)
    format.ends(b"", value)
    assert isinstance(format.output_text(value), str)
    assert isinstance(format.input_text(value), str)
    format.context_changes(value, "remember")
    format.tool_results(value, other, [(ToolCall("1", "f", "{}"), "done")])


@pytest.mark.parametrize("format", FORMATS, ids=lambda each: each.name)
@given(events=st.lists(JSON | SHAPED, max_size=6))
def test_any_events_are_assembled_to_something_that_is_json(format: ModuleType, events: list[Any]) -> None:
    data = [json.dumps(event).encode() for event in events]
    reply = format.assembled(data)
    json.dumps(reply)
    format.pieces(reply)
    format.calls(reply)


@pytest.mark.parametrize("format", FORMATS, ids=lambda each: each.name)
def test_what_is_no_json_or_nested_beyond_reason_is_passed_over(format: ModuleType) -> None:
    reply = format.assembled([b"no json", b"\xff", b'{"x": 1}', DEEP, b"[" * 100_000, b"\xff\xfe{\x00}\x00"])
    json.dumps(reply)
    format.pieces(reply)


@pytest.mark.parametrize(
    ("method", "path", "format"),
    [
        ("POST", "/chat/completions", chat),
        ("GET", "/chat/completions", listings),
        ("GET", "/chat/completions/c1", chat),
        ("POST", "/responses", responses),
        ("GET", "/responses/r1", responses),
        ("POST", "/responses/r1/cancel", responses),
        ("GET", "/chat/completions/c1/messages", listings),
        ("GET", "/responses/r1/input_items", listings),
        ("GET", "/conversations/c1/items", listings),
        ("POST", "/conversations/c1/items", plain),
        ("GET", "/conversations/c1/items/i1", listings),
        ("POST", "/threads/runs", runs),
        ("POST", "/threads/t1/runs", runs),
        ("GET", "/threads/t1/runs", listings),
        ("GET", "/threads/t1/runs/r1", runs),
        ("POST", "/threads/t1/runs/r1/cancel", runs),
        ("POST", "/threads/t1/runs/r1/submit_tool_outputs", runs),
        ("GET", "/threads/t1/runs/r1/steps", listings),
        ("GET", "/threads/t1/runs/r1/steps/s1", listings),
        ("GET", "/threads/t1/messages", plain),
        ("POST", "/completions", completions),
        ("POST", "/embeddings", plain),
    ],
)
def test_an_endpoint_has_its_format(method: str, path: str, format: ModuleType) -> None:
    assert format_of(load_endpoints().find(method, path)) is format


def test_a_path_that_nobody_knows_is_plain() -> None:
    assert format_of(None) is plain


def test_the_names_of_endpoints_lead_to_formats_too() -> None:
    assert [format_of(name).name for name in ("chat.completions", "responses", "files")] == [
        "chat",
        "responses",
        "plain",
    ]


@pytest.mark.parametrize("format", [chat, responses, runs, listings])
@pytest.mark.parametrize(
    "reply",
    [
        {"choices": [{"message": {"tool_calls": [{"id": "c", "function": {"name": "f"}}]}}]},
        {"choices": [{"message": {"function_call": {"name": "f"}}}]},
        {"choices": [{"delta": {"tool_calls": []}}]},
        {"output": [{"type": "function_call"}]},
        {"output": [{"type": "custom_tool_call"}]},
        {"output": [{"type": "web_search_call"}]},
        {"output": [{"type": "mcp_approval_request"}]},
        {"output": [{"type": "program"}]},
    ],
)
def test_no_call_is_overlooked_in_bytes_however_they_are_written(format: ModuleType, reply: Any) -> None:
    written = json.dumps(reply)
    escaped = "".join(f"\\u{ord(letter):04x}" if letter.isalpha() or letter == "_" else letter for letter in written)
    loud = written.replace("_call", "_CaLL").replace("program", "PROGRAM").replace("_approval", "_APproval")
    if not (format in (chat, runs) and "output" in reply):
        told = (written.encode(), escaped.encode(), written.encode("utf-16"), loud.encode())
        assert all(format.may_call(text) for text in told)
    assert not format.may_call(b'{"choices":[{"delta":{"content":"Hello"}}],"output":[{"type":"message"}]}')
