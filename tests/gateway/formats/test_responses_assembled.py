"""Tests that the events of a response add up to the response."""

from typing import Any

from hypothesis import given
from openai.types.responses import Response

from gateway.formats import responses
from tests.builders.streams import call_item, data_of, message_item, response_events, response_streams, told


@given(response_streams())
def test_the_events_add_up_to_the_response_of_the_last(events: list[dict[str, Any]]) -> None:
    assert responses.assembled(data_of(events)) == events[-1]["response"]


@given(response_streams())
def test_without_the_last_event_the_output_is_built_from_the_others(events: list[dict[str, Any]]) -> None:
    reply = responses.assembled(data_of(events[:-1]))
    assert reply["output"] == events[-1]["response"]["output"]
    assert reply["id"] == "resp_1"
    Response.model_validate({**reply, "tools": [], "tool_choice": "auto", "parallel_tool_calls": True})


@given(response_streams())
def test_without_the_finished_items_the_output_is_built_from_the_deltas(events: list[dict[str, Any]]) -> None:
    deltas = [each for each in events if each["type"].endswith((".delta", ".created", "item.added", "part.added"))]
    reply = responses.assembled(data_of(deltas))
    whole = events[-1]["response"]
    assert [piece.text for piece in responses.pieces(reply)] == [piece.text for piece in responses.pieces(whole)]
    assert [found.call for found in responses.calls(reply)] == [found.call for found in responses.calls(whole)]


def test_a_last_event_without_output_is_filled_from_the_items() -> None:
    items = [message_item(0, "hi"), call_item(1, "f", "{}")]
    events = response_events(items, [*told(items[0], 0, ["hi"]), *told(items[1], 1, ["{}"])])
    events[-1]["response"] = {**events[-1]["response"], "output": []}
    assert responses.assembled(data_of(events))["output"] == items


def test_the_last_event_knows_best() -> None:
    events = response_events([message_item(0, "told last")], told(message_item(0, "first"), 0, ["first"]))
    assert responses.assembled(data_of(events))["output"] == [message_item(0, "told last")]


def test_a_finished_item_stays_as_it_is() -> None:
    item = call_item(0, "f", "{}")
    late = {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "late"}
    assert responses.assembled(data_of([*told(item, 0, ["{}"]), late]))["output"] == [item]


def test_deltas_are_added_to_what_the_item_began_with() -> None:
    begun = {"type": "response.output_item.added", "output_index": 0, "item": call_item(0, "f", "{")}
    more = {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "}"}
    assert responses.assembled(data_of([begun, more]))["output"] == [call_item(0, "f", "{}")]


def test_an_error_is_part_of_what_came() -> None:
    events = [*response_events([], [])[:1], {"type": "error", "code": "c", "message": "m", "param": None}]
    assert responses.assembled(data_of(events))["error"] == {"code": "c", "message": "m", "param": None}


def test_thoughts_are_built_from_their_deltas() -> None:
    item = {"id": "rs_0", "type": "reasoning", "summary": []}
    place = {"output_index": 0, "item_id": "rs_0", "summary_index": 0}
    events = [
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        *({"type": "response.reasoning_summary_text.delta", **place, "delta": piece} for piece in ("H", "m")),
    ]
    assert responses.assembled(data_of(events))["output"] == [
        {**item, "summary": [{"type": "summary_text", "text": "Hm"}]}
    ]
