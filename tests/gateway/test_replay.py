"""A replay decides about records as the pipeline decided about the exchanges, and adds up what differs."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from gateway import Exchange, Nudge, Remove, Set, hookimpl
from gateway.endpoints import load_endpoints
from gateway.hookspecs import Hooks
from gateway.levels_from_records import HeardAnswer, HeardStep
from gateway.replay import MOST_EXAMPLES, Asked, Outcome, Policed, Recorded, Tally, body_of, in_order, recorded
from tests.builders.pipelines import a_chain

CHAT = next(each for each in load_endpoints().endpoints if each.name == "chat.completions" and each.method == "POST")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_record(audit_id: str = "A-1", **members: Any) -> Recorded:
    known: dict[str, Any] = {"endpoint": "chat.completions", "caller": "p-1", "model": "m", "policy": "now"}
    return Recorded(audit_id, NOON, **{**known, **members})


class Halves:
    """Halves the temperature where somebody found stress, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Exchange] = []

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge | None:
        self.asked.append(exchange)
        body = exchange.request.json
        if "stress" not in exchange.signals:
            return None
        changes = (Set(("temperature",), body.get("temperature", 1) / 2), Set(("messages",), []))
        return Nudge(changes, "stress", applied=False, safety_mode="strict", allowed_tools=("retrieval", "browser"))


async def outcome(record: Recorded, body: dict[str, Any] | None = None, plugin: Any = None) -> Outcome:
    (shape,) = a_chain(plugin or Halves()).of(Hooks.shape)
    return await Policed(shape).outcome(record, CHAT, "key:ada", body or body_of(record, None)[0])


async def test_a_record_is_decided_about_whatever_the_mode_was() -> None:
    found = await outcome(a_record(signals={"stress": 0.8}, parameters={"temperature": 0.5}))
    assert found == Outcome("strict", ("browser", "retrieval"), {"temperature": 0.25, "preamble": "strict"})
    assert found.members()["allowed_tools"] == "browser, retrieval"


async def test_what_nobody_changes_comes_out_as_the_client_set_it() -> None:
    assert await outcome(a_record(parameters={"n": 2})) == Outcome("balanced", None, {"n": 2})


async def test_a_policy_sees_who_found_which_level_who_called_and_when() -> None:
    plugin = Halves()
    found = HeardAnswer("signals", {"stress": 0.8}, {"stress": "it says so"})
    record = a_record(trail=(HeardStep("observe", "signals", found),), signals={"stress": 0.8}, tier="T3")
    await outcome(record, plugin=plugin)
    (exchange,) = plugin.asked
    (step,) = [step for step in exchange.trail if step.hook == "observe"]
    assert (step.plugin, step.answer.levels) == ("signals", {"stress": 0.8})  # type: ignore[union-attr]
    assert exchange.clock == exchange.arrived == int(NOON.timestamp()) * 1_000_000_000
    assert exchange.caller is not None
    assert (exchange.caller.principal, exchange.caller.tier, exchange.caller.mode) == ("key:ada", "T3", "enforce")


async def test_changes_that_do_not_fit_are_none() -> None:
    class Misfits:
        @hookimpl
        def shape(self, exchange: Exchange) -> Nudge:
            return Nudge((Set(("nowhere", "at", "all"), 1), Remove(("messages",))), "it does not fit")

    assert await outcome(a_record(parameters={"n": 2}), plugin=Misfits()) == Outcome("balanced", None, {"n": 2})


@pytest.mark.parametrize(
    ("members", "kept", "basis", "sets"),
    [
        ({"parameters": {"n": 2}}, None, "parameters", {"n": 2}),
        ({"policy": None}, None, "estimate", {}),
        ({"parameters": {"n": 2}}, {"n": 3, "stop": ["x"], "tools": [1]}, "body", {"n": 3, "stop": ["x"]}),
    ],
)
def test_what_a_request_set_is_known_from_its_body_or_its_record(
    members: dict[str, Any], kept: dict[str, Any] | None, basis: str, sets: dict[str, Any]
) -> None:
    body, known = body_of(a_record(**members), kept)
    assert known == basis
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == sets


def test_the_model_is_the_one_that_was_asked() -> None:
    assert body_of(a_record(attempts=(Asked("a"), Asked("b"))), None)[0]["model"] == "b"
    assert body_of(a_record(), None)[0]["model"] == "m"


@pytest.mark.parametrize(("endpoint", "member"), [("responses", "input"), ("completions", "prompt")])
def test_a_request_has_a_text_where_its_endpoint_has_one(endpoint: str, member: str) -> None:
    assert member in body_of(a_record(endpoint=endpoint), None)[0]


def test_what_differs_is_added_up_by_member_and_way() -> None:
    tally = Tally("now")
    before = Outcome("balanced", None, {"temperature": 0.5, "n": 2})
    tally.add(a_record("A-same"), "body", before, before)
    tally.add(a_record("A-low"), "parameters", before, Outcome("strict", None, {"temperature": 0.2, "n": 2}))
    tally.add(a_record("A-high", policy="then"), "parameters", before, Outcome("balanced", (), {"temperature": 0.7}))
    tally.leave_out()
    found = tally.result()
    assert (found.exchanges, found.differ, found.left_out, found.other_policy) == (3, 2, 1, 1)
    assert found.bases == {"body": 1, "parameters": 2}
    assert (found.modes_before, found.modes_after) == ({"balanced": 3}, {"balanced": 2, "strict": 1})
    moved = {
        name: (each.exchanges, each.lower, each.higher, each.newly_set, each.no_longer_set)
        for name, each in found.parameters.items()
    }
    assert moved == {
        "allowed_tools": (1, 0, 0, 1, 0),
        "n": (1, 0, 0, 0, 1),
        "safety_mode": (1, 0, 0, 0, 0),
        "temperature": (2, 1, 1, 0, 0),
    }
    assert [(each.audit_id, each.members["temperature"]) for each in found.examples] == [
        ("A-low", (0.5, 0.2)),
        ("A-high", (0.5, 0.7)),
    ]


def test_examples_are_few() -> None:
    tally = Tally("now")
    for number in range(MOST_EXAMPLES + 5):
        tally.add(a_record(f"A-{number}"), "body", Outcome("balanced", None, {}), Outcome("strict", None, {}))
    assert (len(tally.result().examples), tally.result().differ) == (MOST_EXAMPLES, MOST_EXAMPLES + 5)


def test_of_a_record_little_is_kept() -> None:
    found = {"answer": "signals", "levels": {"stress": 0.8}, "because": {"stress": "it says so"}}
    trail = [
        {"hook": "identify", "plugin": "sign_in", "answer": {"answer": "caller"}},
        {"hook": "observe", "plugin": "signals", "answer": found},
        {"hook": "shape", "plugin": "modulation", "answer": {"answer": "nudge", "changes": [], "because": "stress"}},
        {"hook": "record", "plugin": "log"},
    ]
    line = {"audit_id": "A-1", "started": NOON, "endpoint": "responses", "trail": trail, "parameters": {"n": 2}}
    read = recorded(msgspec.json.encode(line))
    assert read is not None
    assert ([step.hook for step in read.trail], read.was_modulated) == (["observe", "shape"], True)
    assert list(read.found()) == [("signals", HeardAnswer("signals", {"stress": 0.8}, {"stress": "it says so"}))]
    assert recorded(b'{"audit_id": 5}') is None
    assert recorded(b"\xff") is None


def test_exchanges_are_taken_in_the_order_in_which_they_came() -> None:
    later = Recorded("A-0", datetime(2026, 11, 20, 13, tzinfo=UTC))
    assert in_order([later, a_record("A-2"), a_record("A-1")]) == [a_record("A-1"), a_record("A-2"), later]
