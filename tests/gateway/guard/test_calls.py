"""A call of a stream is what all of its events say that it is; one that says otherwise is not understood."""

from typing import Any

import pytest

from gateway.answers import Refusal, ToolCall
from gateway.exchange import Exchange
from gateway.formats import responses
from gateway.guard import StreamGuard
from gateway.testing import an_exchange
from tests.builders.guards import a_guard, allowing, events_of, gated, raw_of, run
from tests.builders.streams import call_item, response_events, told

ITEM = call_item(0, "look", "{}")
PLACE = {"output_index": 0, "item_id": "fc_0"}
ARGUMENTS = "response.function_call_arguments"
ADDED, DELTA, DONE, ITEM_DONE = told(ITEM, 0, ["{}"])
CODE = "response.code_interpreter_call_code"
INTERPRETER = {"type": "code_interpreter_call", "id": "ci_0", "status": "completed", "code": "1+1", "outputs": []}
AT_INTERPRETER = {"output_index": 0, "item_id": "ci_0"}

STRAYING: dict[str, list[dict[str, Any]]] = {
    "arguments.done of another name": [ADDED, {**DONE, "name": "rm"}, ITEM_DONE],
    "arguments.delta of another name": [ADDED, {**DELTA, "name": "rm"}, ITEM_DONE],
    "input of a custom tool with a name": [
        ADDED,
        {**PLACE, "type": "response.custom_tool_call_input.done", "name": "rm", "input": "x"},
        ITEM_DONE,
    ],
    "input of a custom tool without a name": [
        ADDED,
        {**PLACE, "type": "response.custom_tool_call_input.done", "input": "x"},
        ITEM_DONE,
    ],
    "arguments.done of another item": [ADDED, {**DONE, "item_id": "fc_9"}, ITEM_DONE],
    "arguments of a namespace": [ADDED, {**DONE, "namespace": "crm"}, ITEM_DONE],
    "code of a function": [ADDED, {**PLACE, "type": f"{CODE}.delta", "delta": "1+1"}, ITEM_DONE],
}


CHANGING = {
    "name": ({"name": "rm"}, {"rm", "look"}),
    "namespace": ({"namespace": "crm"}, {"crm.look", "look"}),
    "kind": ({"type": "custom_tool_call"}, {"look of custom", "look"}),
}


def guarding(*names: str) -> tuple[StreamGuard, Exchange]:
    exchange = an_exchange()
    return StreamGuard(exchange, responses, (), gated(allowing(*names))), exchange


@pytest.mark.parametrize("middle", STRAYING.values(), ids=STRAYING.keys())
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
async def test_an_event_that_names_another_call_than_the_calls_own_does_not_go_out(
    middle: list[dict[str, Any]], at_once: bool
) -> None:
    # Also where both would be allowed: what was asked about has to be what goes out.
    guard, exchange = guarding("look", "rm")
    events = events_of(response_events([ITEM], middle))
    raw, refusal = await run(guard, [events] if at_once else [[event] for event in events])
    assert refusal is not None
    assert (refusal.status, refusal.code) == (502, "call_not_understood")
    assert raw == raw_of(events[: 1 if at_once else 2])
    assert [(use.status, use.because) for use in exchange.tools] == [("blocked", "call_not_understood")]


@pytest.mark.parametrize(("members", "names"), CHANGING.values(), ids=CHANGING.keys())
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
async def test_an_item_that_changes_is_asked_about_as_all_that_it_was(
    members: dict[str, Any], names: set[str], at_once: bool
) -> None:
    asked: set[str] = set()

    def gate(call: ToolCall) -> Refusal | None:
        name = f"{call.namespace}.{call.name}".strip(".") + (" of custom" if call.kind == "custom" else "")
        asked.add(name)
        return None if name == "look" else Refusal("No.", code="refused")

    events = events_of(response_events([ITEM], [{**ADDED, "item": {**ITEM, **members}}, ITEM_DONE]))
    raw, refusal = await run(a_guard(responses, (), gated(gate)), [events] if at_once else [[each] for each in events])
    assert refusal is not None
    assert (refusal.code, raw) == ("refused", raw_of(events[:1]))
    assert asked == names if at_once else asked == names - {"look"}


@pytest.mark.parametrize("step", [DELTA, DONE], ids=["delta", "done"])
async def test_arguments_ahead_of_their_item_may_name_it_and_nothing_else(step: dict[str, Any]) -> None:
    for name, code in (("look", None), ("rm", "tool_not_allowed")):
        guard, _ = guarding("look")
        events = events_of(response_events([ITEM], [{**step, "name": name}, ADDED, ITEM_DONE]))
        raw, refusal = await run(guard, [events])
        assert (refusal.code if refusal else None) == code
        assert raw == raw_of(events if code is None else events[:1])


async def test_events_that_repeat_the_name_of_their_call_go_out() -> None:
    middle = [ADDED, {**DELTA, "name": "look"}, {**DONE, "name": "look"}, ITEM_DONE]
    events = events_of(response_events([ITEM], middle))
    assert await run(guarding("look")[0], [events]) == (raw_of(events), None)


async def test_calls_that_an_upstream_puts_in_one_place_are_told_apart_by_their_items() -> None:
    other = call_item(1, "rm", "{}")
    middle = [*told(ITEM, 0, ["{}"]), *({**event, "output_index": 0} for event in told(other, 0, ["{}"]))]
    events = events_of(response_events([ITEM, other], middle))
    assert await run(guarding("look", "rm")[0], [events]) == (raw_of(events), None)
    raw, refusal = await run(guarding("look")[0], [events])
    assert refusal is not None
    assert (refusal.code, b'"rm"' in raw) == ("tool_not_allowed", False)


async def test_a_call_is_asked_about_with_its_namespace() -> None:
    asked: list[ToolCall] = []
    item = {**ITEM, "namespace": "crm"}
    events = events_of(response_events([item], told(item, 0, ["{}"])))
    raw, refusal = await run(
        a_guard(responses, (), gated(lambda call: asked.append(call))), [[each] for each in events]
    )
    assert (raw, refusal) == (raw_of(events), None)
    assert {(call.name, call.namespace) for call in asked} == {("look", "crm")}


@pytest.mark.parametrize("step", [{"type": f"{CODE}.delta", "delta": "1+1"}, {"type": f"{CODE}.done", "code": "1+1"}])
@pytest.mark.parametrize("item", [[INTERPRETER], []], ids=["ahead of its item", "without an item"])
async def test_code_goes_out_where_the_interpreter_may_be_called_alone(
    step: dict[str, Any], item: list[dict[str, Any]]
) -> None:
    told_item = [{"type": "response.output_item.done", "output_index": 0, "item": each} for each in item]
    events = events_of(response_events(item, [{**AT_INTERPRETER, **step}, *told_item]))
    assert await run(guarding("code_interpreter")[0], [events]) == (raw_of(events), None)
    raw, refusal = await run(guarding("look")[0], [events])
    assert refusal is not None
    assert (refusal.code, raw) == ("tool_not_allowed", raw_of(events[:1]))


async def test_a_plugin_that_reads_arguments_is_asked_about_code_without_an_item() -> None:
    asked: list[str] = []
    steps = [{**AT_INTERPRETER, "type": f"{CODE}.delta", "delta": each} for each in ("1+", "1")]
    events = events_of(response_events([], steps))
    await run(a_guard(responses, (), gated(lambda call: asked.append(call.arguments), whole=True)), [events])
    assert asked == ["1+1"]


async def test_what_the_upstream_ran_tells_its_output_of_no_call() -> None:
    output = {"type": "response.shell_call_output_content.delta", "output_index": 1, "delta": {"stdout": "x"}}
    events = events_of(response_events([], [output]))
    assert await run(guarding()[0], [events]) == (raw_of(events), None)
