"""No call outside the list is delivered in a realtime session, in whichever order and events it is told."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as some

from gateway.answers import Refusal, ToolCall
from gateway.testing import an_exchange
from gateway.websocket.calls import MOST_CALLS, MOST_HELD, RealtimeCalls
from gateway.websocket.under_way import MOST_NOTED
from tests.builders.cases import cases, holds
from tests.builders.guards import allowing, gated

ALLOWED, BLOCKED = ("lookup", "search"), ("wipe_disk", "LOOKUP")
RESPONSE = "resp_1"


class Told(msgspec.Struct, frozen=True):
    """A call, and the numbers of the events that tell of it, in their order."""

    name: str
    kind: str
    events: list[int]


tolds = some.builds(
    Told,
    some.sampled_from(ALLOWED + BLOCKED),
    some.sampled_from(["function_call", "mcp_call", "custom_tool_call"]),
    some.lists(some.integers(0, 6), max_size=8),
)
FAMILIES = {
    "function_call": ("response.function_call_arguments", "arguments"),
    "mcp_call": ("response.mcp_call_arguments", "arguments"),
    "custom_tool_call": ("response.custom_tool_call_input", "input"),
}


def event_of(told: Told, at: int, number: int) -> dict[str, Any]:
    """Gives one of the events that tell of the call `at` a place of its response."""
    id, secret = f"item_{at}", f"secret of {told.name} {at}"
    family, holder = FAMILIES[told.kind]
    item = {"id": id, "type": told.kind, "call_id": f"call_{at}", "name": told.name, holder: secret}
    place = {"response_id": RESPONSE, "output_index": at, "item_id": id}
    told_so: list[dict[str, Any]] = [
        {"type": "response.output_item.added", "response_id": RESPONSE, "output_index": at, "item": item},
        {"type": "conversation.item.added", "item": {**item, holder: ""}},
        {"type": f"{family}.delta", **place, "delta": secret},
        {"type": f"{family}.done", **place, holder: secret},
        {"type": f"{family}.done", **place, holder: secret, "name": told.name},
        {"type": "response.output_item.done", "response_id": RESPONSE, "output_index": at, "item": item},
        {"type": "conversation.item.done", "item": item},
    ]
    return told_so[number]


def all_events(calls: list[Told]) -> Iterator[dict[str, Any]]:
    """Gives what is told of all calls, one event of each in turn, and the end of their response."""
    for step in range(8):
        for at, told in enumerate(calls):
            if step < len(told.events):
                yield event_of(told, at, told.events[step])
    output = [event_of(told, at, 0)["item"] for at, told in enumerate(calls)]
    yield {"type": "response.done", "response": {"id": RESPONSE, "output": output}}


def text_of(event: Any) -> str:
    return msgspec.json.encode(event).decode()


async def let_out(calls: list[Told], *, whole: bool) -> tuple[list[str], int]:
    """Gives the texts that the client gets, and how many refusals were said."""
    judge = RealtimeCalls(gated(allowing(*ALLOWED), whole=whole))
    exchange = an_exchange()
    texts: list[str] = []
    refusals = 0
    for event in all_events(calls):
        let = await judge.let(text_of(event), text_of(event).encode(), event, exchange)
        texts += let.texts
        refusals += len(let.refusals)
    return texts, refusals


@pytest.mark.parametrize("whole", [False, True], ids=["named", "whole"])
@cases(100)
def test_no_call_outside_the_list_is_delivered_however_it_is_told(whole: bool, cases: int) -> None:
    def claim(calls: list[Told]) -> None:
        texts, refusals = asyncio.run(let_out(calls, whole=whole))
        words = [f"{before}{name}" for name in BLOCKED for before in ('"', "secret of ")]
        assert [text for text in texts for word in words if word in text] == []
        assert refusals == len([told for told in calls if told.name in BLOCKED])

    holds(claim, cases, some.lists(tolds, max_size=3))


@pytest.mark.parametrize("whole", [False, True], ids=["named", "whole"])
@cases(100)
def test_all_that_is_told_of_calls_on_the_list_is_delivered_byte_for_byte(whole: bool, cases: int) -> None:
    def claim(calls: list[Told]) -> None:
        texts, _ = asyncio.run(let_out(calls, whole=whole))
        for at, told in enumerate(calls):
            if told.name in ALLOWED:
                told_of_it = [text_of(event_of(told, at, number)) for number in told.events]
                assert [text for text in texts[:-1] if f'"item_{at}"' in text] == told_of_it

    holds(claim, cases, some.lists(tolds, max_size=3))


async def test_what_is_told_of_a_call_without_a_name_is_not_held_without_bound() -> None:
    judge, exchange = RealtimeCalls(gated(allowing(*ALLOWED))), an_exchange()
    delta = event_of(Told("lookup", "function_call", []), 0, 2)
    long = "x" * (MOST_HELD // 4)
    lets = [await judge.let(long, text_of(delta).encode(), delta, exchange) for _ in range(6)]
    assert [refusal.code for let in lets for refusal in let.refusals] == ["too_much_held"]
    assert [text for let in lets for text in let.texts] == []
    assert [use.because for use in exchange.tools] == ["too_much_held"]


async def test_what_follows_of_a_blocked_call_is_not_held_and_the_call_refused_once() -> None:
    judge, exchange = RealtimeCalls(gated(allowing(*ALLOWED))), an_exchange()
    told = Told("wipe_disk", "function_call", [])
    long = "x" * (MOST_HELD // 2)
    refusals: list[Refusal] = []
    for number in (0, 2, 2, 2, 3):
        event = event_of(told, 0, number)
        refusals += (await judge.let(long, text_of(event).encode(), event, exchange)).refusals
    assert [refusal.code for refusal in refusals] == ["tool_not_allowed"]


async def test_calls_without_end_are_not_remembered_without_end() -> None:
    judge, exchange = RealtimeCalls(gated(allowing(*ALLOWED))), an_exchange()
    told = Told("lookup", "function_call", [])
    for at in range(MOST_CALLS + 1):
        event = event_of(told, at, 0)
        await judge.let(text_of(event), text_of(event).encode(), event, exchange)
    first, last = event_of(told, 0, 2), event_of(told, MOST_CALLS, 2)
    assert (await judge.let(text_of(last), text_of(last).encode(), last, exchange)).texts == (text_of(last),)
    assert (await judge.let(text_of(first), text_of(first).encode(), first, exchange)).texts == ()


async def test_a_call_that_waits_is_not_forgotten_before_those_that_were_decided() -> None:
    judge, exchange = RealtimeCalls(gated(allowing(*ALLOWED))), an_exchange()
    told = Told("lookup", "function_call", [])
    refusals: list[str] = []
    texts: list[str] = []

    async def let(at: int, number: int) -> None:
        event = event_of(told, at, number)
        let = await judge.let(text_of(event), text_of(event).encode(), event, exchange)
        refusals.extend(each.code for each in let.refusals)
        texts.extend(let.texts)

    await let(0, 2)
    for at in range(1, MOST_CALLS + 8):
        await let(at, 0)
    texts.clear()
    await let(0, 4)
    assert texts == [text_of(event_of(told, 0, number)) for number in (2, 4)]
    assert refusals == []


async def test_where_all_calls_wait_the_oldest_is_refused_and_said_to_be() -> None:
    judge, exchange = RealtimeCalls(gated(allowing(*ALLOWED))), an_exchange()
    told = Told("lookup", "function_call", [])
    refusals: list[Any] = []
    for at in range(MOST_CALLS + 1):
        event = event_of(told, at, 2)
        refusals += (await judge.let(text_of(event), text_of(event).encode(), event, exchange)).refusals
    assert [refusal.code for refusal in refusals] == ["too_much_held"]
    assert [use.because for use in exchange.tools] == ["too_much_held"]


async def test_all_calls_of_a_session_together_are_held_to_one_bound() -> None:
    judge, exchange = RealtimeCalls(gated(allowing(*ALLOWED))), an_exchange()
    told = Told("lookup", "function_call", [])
    long = "x" * (MOST_HELD // 4)
    refusals: list[Any] = []
    for at in range(6):
        event = event_of(told, at, 2)
        refusals += (await judge.let(long, text_of(event).encode(), event, exchange)).refusals
    assert len(refusals) >= 2
    assert {refusal.code for refusal in refusals} == {"too_much_held"}


async def test_long_arguments_that_were_judged_make_room_for_others() -> None:
    judge, exchange = RealtimeCalls(gated(allowing(*ALLOWED), whole=True)), an_exchange()
    long = "x" * (MOST_HELD // 2)
    for at in range(6):
        event = event_of(Told("lookup", "function_call", []), at, 5)
        event["item"]["arguments"] = long
        assert (await judge.let("text", text_of(event).encode(), event, exchange)).texts == ("text",)
        assert judge.kept <= MOST_HELD
    assert exchange.tools == []


@pytest.mark.parametrize("numbers", [(0, 2), (2, 4), (5,), (5, 2)], ids=range(4))
@pytest.mark.parametrize("name", ["lookup", "wipe_disk"])
async def test_where_nobody_asks_for_arguments_those_of_calls_that_were_decided_are_not_kept(
    name: str, numbers: tuple[int, ...]
) -> None:
    judge, exchange = RealtimeCalls(gated(allowing(*ALLOWED))), an_exchange()
    for number in numbers:
        event = event_of(Told(name, "function_call", []), 0, number)
        await judge.let(text_of(event), text_of(event).encode(), event, exchange)
    assert judge.kept == 0


async def test_what_nobody_reads_is_not_noted_without_end() -> None:
    judge, exchange = RealtimeCalls(gated(allowing(*ALLOWED))), an_exchange()
    event = {"type": "function_call", "name": "wipe_disk"}
    for _ in range(MOST_NOTED + 5):
        assert (await judge.let(text_of(event), text_of(event).encode(), event, exchange)).refusals
    assert len(exchange.tools) == MOST_NOTED


async def test_blocked_calls_without_end_are_not_noted_without_end() -> None:
    judge, exchange = RealtimeCalls(gated(allowing(*ALLOWED))), an_exchange()
    for at in range(MOST_NOTED + 5):
        event = event_of(Told("wipe_disk", "function_call", []), at, 0)
        assert (await judge.let(text_of(event), text_of(event).encode(), event, exchange)).refusals
    assert len(exchange.tools) == MOST_NOTED


OTHER_CALLS = {
    "name": {"name": "wipe_disk"},
    "namespace": {"namespace": "admin"},
    "item": {"name": "wipe_disk", "item_id": "item_9"},
}


@pytest.mark.parametrize("member", OTHER_CALLS.values(), ids=OTHER_CALLS.keys())
@pytest.mark.parametrize("step", ["delta", "done"])
async def test_an_event_about_a_call_that_names_another_one_is_asked_about_as_that(
    step: str, member: dict[str, Any]
) -> None:
    def gate(call: ToolCall) -> Refusal | None:
        return None if (call.name, call.namespace) == ("lookup", "") else Refusal("Not this tool.", code="refused")

    judge, exchange = RealtimeCalls(gated(gate)), an_exchange()
    told = Told("lookup", "function_call", [])
    straying = {**event_of(told, 0, 2 if step == "delta" else 3), **member}
    lets = [
        await judge.let(text_of(each), text_of(each).encode(), each, exchange)
        for each in (event_of(told, 0, 0), straying)
    ]
    assert [len(let.texts) for let in lets] == [1, 0]
    assert [refusal.code for let in lets for refusal in let.refusals] == ["refused"]
