"""Responses of the steps of a loop, made one."""

from typing import Any

from gateway.answers import Insert, Remove, Set
from gateway.formats.responses_seam import joined, seam, step_of
from gateway.splice import spliced
from tests.builders.streams import call_item, message_item

TEXT, CALL = message_item(0, "Let me see."), call_item(1, "look", "{}")
USAGE = {"input_tokens": 5, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}}


def item(index: int, what: dict[str, Any], number: int, step: str = "done") -> dict[str, Any]:
    return {
        "type": f"response.output_item.{step}",
        "output_index": index,
        "item": what,
        "sequence_number": number,
    }


def completed(id: str, output: list[Any], number: int) -> dict[str, Any]:
    said = {"id": id, "status": "completed", "output": output, "usage": USAGE}
    return {"type": "response.completed", "response": said, "sequence_number": number}


def test_an_item_that_stays_here_does_not_go_out_nor_what_tells_of_it() -> None:
    one = seam()
    assert one.changes(item(0, CALL, 0, "added"), [("item",)], goes_on=True) is None
    delta = {"type": "response.mcp_call.in_progress", "output_index": 0, "sequence_number": 1}
    assert one.changes(delta, [], goes_on=True) is None
    assert one.changes(item(1, TEXT, 2), [], goes_on=True) == [
        Set(("output_index",), 0),
        Set(("sequence_number",), 0),
    ]


def test_nor_does_one_that_stands_in_no_place() -> None:
    one = seam()
    assert one.changes({"type": "error", "message": "x", "item": CALL}, [("item",)], goes_on=True) is None
    assert one.changes(item(0, TEXT, 0), [], goes_on=True) == []


def test_a_mixed_turn_ends_with_the_output_that_went_out() -> None:
    one = seam()
    one.saw({"type": "response.created", "response": {"id": "resp_1"}, "sequence_number": 0})
    one.changes(item(0, CALL, 1), [("item",)], goes_on=False)
    one.changes(item(1, TEXT, 2), [], goes_on=False)
    changes = one.changes(completed("resp_1", [CALL, TEXT], 3), [("response", "output", 0)], goes_on=False)
    assert changes == [Set(("sequence_number",), 2), Set(("response", "output"), [TEXT])]


def test_the_next_step_goes_on_with_the_first_ones_id_and_numbers() -> None:
    one = seam()
    one.saw({"type": "response.created", "response": {"id": "resp_1"}, "sequence_number": 0})
    one.saw(item(0, TEXT, 1))
    one.changes(item(1, CALL, 2), [("item",)], goes_on=True)
    assert one.changes(completed("resp_1", [TEXT, CALL], 3), [("response", "output", 1)], goes_on=True) is None
    one.next_step(USAGE)
    begin = {"type": "response.created", "response": {"id": "resp_2"}, "sequence_number": 0}
    assert one.changes(begin, [], goes_on=False) is None
    last = message_item(0, "Done.")
    assert one.changes(item(0, last, 1), [], goes_on=False) == [
        Set(("output_index",), 1),
        Set(("sequence_number",), 2),
    ]
    usage = {"input_tokens": 10, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 2}}
    assert one.changes(completed("resp_2", [last], 2), [], goes_on=False) == [
        Set(("sequence_number",), 3),
        Set(("response", "id"), "resp_1"),
        Set(("response", "output"), [TEXT, last]),
        Set(("response", "usage"), usage),
    ]
    assert one.ids == ("resp_1", "resp_2")


def test_an_error_of_the_upstream_goes_out() -> None:
    one = seam()
    one.changes(item(0, CALL, 0), [("item",)], goes_on=True)
    event = {"type": "error", "message": "overloaded", "sequence_number": 1}
    assert one.changes(event, [], goes_on=True) == [Set(("sequence_number",), 0)]


def test_the_last_reply_has_the_items_and_the_usage_of_all() -> None:
    first = step_of({"output": [TEXT, CALL], "usage": USAGE}, [("output", 1)])
    last = {"output": [CALL, message_item(0, "Done.")], "usage": USAGE}
    assert joined(last, [first], [("output", 0)])[:2] == [Remove(("output", 0)), Insert(("output",), 0, TEXT)]
    body = spliced(b'{"output":[7,8],"usage":{"input_tokens":5}}', joined(last, [first], [("output", 0)])[:2])
    assert body.endswith(b',8],"usage":{"input_tokens":5}}')
