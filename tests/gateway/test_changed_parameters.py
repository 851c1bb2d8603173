"""What was changed stands in the record, before and after, with who did it and why."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway import (
    Amendment,
    Context,
    Exchange,
    Insert,
    Nudge,
    Redact,
    Remove,
    Retry,
    Route,
    Set,
    Target,
    ToolCall,
    ToolResult,
    hookimpl,
)
from gateway.changed_parameters import MOST_CHANGES, ChangedParameter, changed_parameters
from gateway.exchange import Step
from gateway.recorded import recorded
from gateway.testing import an_exchange
from tests.builders.fake_client import CHAT, FakeClient
from tests.builders.fake_transport import FakeReply, FakeTransport, a_chat_reply
from tests.builders.pipelines import Passages

SECRET = "Rumpelstilzchen"


def shaped(*steps: Any, **asked: Any) -> Exchange:
    """Gives an exchange with these answers to shape and review in its trail, by (hook, plugin, answer, fault)."""
    exchange = an_exchange({"model": "gpt-4o", "messages": [], **asked})
    for hook, plugin, answer, fault in steps:
        exchange.trail.append(Step(hook, plugin, "1", 0, 1, recorded(answer), fault))
    return exchange


def a_nudge(*changes: Any, because: str = "stress") -> Nudge:
    return Nudge(changes, because=because)


def test_a_change_says_what_was_there_before_and_is_there_now_by_whom_and_why() -> None:
    nudge = a_nudge(Set(("temperature",), 0.25), Set(("reasoning", "effort"), "low"), Remove(("top_p",)))
    exchange = shaped(("shape", "tune", nudge, None), temperature=1, top_p=0.9)
    assert changed_parameters(exchange) == [
        ChangedParameter("shape", "temperature", 1, 0.25, "stress", "tune"),
        ChangedParameter("shape", "reasoning.effort", None, "low", "stress", "tune"),
        ChangedParameter("shape", "top_p", 0.9, None, "stress", "tune", "remove"),
    ]


def test_the_second_to_change_something_changes_what_the_first_left() -> None:
    exchange = shaped(
        ("shape", "tune", a_nudge(Set(("temperature",), 0.25)), None),
        ("shape", "clamp", a_nudge(Set(("temperature",), 0.4), because="bounds"), None),
        temperature=1,
    )
    found = [(each.before, each.after, each.plugin) for each in changed_parameters(exchange) or ()]
    assert found == [(1, 0.25, "tune"), (0.25, 0.4, "clamp")]


def test_texts_are_told_by_their_length_before_and_after() -> None:
    nudge = a_nudge(
        Set(("messages", 0, "content"), SECRET),
        Insert(("messages",), 0, {"role": "system", "content": SECRET}),
        Set(("user",), SECRET),
        Set(("metadata", "model"), SECRET),
        Set(("stop",), [SECRET]),
    )
    exchange = shaped(("shape", "tune", nudge, None), messages=[{"content": f"{SECRET}!"}], user=SECRET, stop=SECRET)
    found = changed_parameters(exchange) or []
    assert SECRET not in repr(found)
    assert [(each.before, each.after) for each in found] == [
        ("[16 characters]", "[15 characters]"),
        (None, "[object of 2]"),
        ("[15 characters]", "[15 characters]"),
        (None, "[15 characters]"),
        ("[15 characters]", "[list of 1]"),
    ]


@pytest.mark.parametrize(
    "steps",
    [
        [("shape", "a", a_nudge(Set(("n",), 1)), None), ("shape", "a", None, "wrong_type: SpliceError")],
        [("review", "a", Amendment((Set(("n",), 1),), "x"), None), ("review", "a", None, "wrong_type: no place")],
        [("observe", "a", None, None), ("watch", "a", Redact("x"), None)],
        [],
    ],
    ids=["unusable", "unusable-amendment", "others", "none"],
)
def test_what_was_not_changed_is_not_told(steps: list[Any]) -> None:
    assert changed_parameters(shaped(*steps)) is None


def test_what_was_changed_for_a_target_that_was_given_up_is_not_told() -> None:
    exchange = shaped(("shape", "a", a_nudge(Set(("n",), 1)), None), ("shape", "a", None, None))
    exchange.shaped_from = 1
    assert changed_parameters(exchange) is None


def test_what_each_step_of_a_loop_changed_is_told_in_its_order() -> None:
    first, later = a_nudge(Set(("temperature",), 0.8)), a_nudge(Set(("temperature",), 0.2), because="a tool said so")
    exchange = shaped(("shape", "a", first, None), ("shape", "a", None, None), ("shape", "a", later, None))
    told = [(each.before, each.after, each.because) for each in changed_parameters(exchange) or ()]
    assert told == [(None, 0.8, "stress"), (0.8, 0.2, "a tool said so")]


def test_what_is_only_computed_is_told_as_it_was_computed_last() -> None:
    first, later = (Nudge((Set(("temperature",), level),), "x", applied=False) for level in (0.8, 0.2))
    exchange = shaped(("shape", "a", first, None), ("shape", "a", later, None), ("shape", "a", None, None))
    assert [(each.after, each.applied) for each in changed_parameters(exchange) or ()] == [(0.2, False)]


def test_what_a_broken_plugin_that_governs_tools_takes_away_is_told() -> None:
    exchange = shaped(("shape", "tools", a_nudge(Remove(("tools",)), because="it failed"), "raised: E"), tools=[{}])
    assert changed_parameters(exchange) == [
        ChangedParameter("shape", "tools", "[list of 1]", None, "it failed", "tools", "remove")
    ]


def test_an_amendment_changes_the_reply_and_a_retry_the_request_once() -> None:
    retry = Retry("too long", (Set(("max_tokens",), 50),))
    exchange = shaped(
        ("review", "judge", retry, None),
        ("review", "other", Retry("again", (Set(("max_tokens",), 9),)), None),
        ("review", "judge", Amendment((Set(("choices", 0, "message", "content"), SECRET),), "calm"), None),
        max_tokens=900,
    )
    assert changed_parameters(exchange) == [
        ChangedParameter("review", "max_tokens", 900, 50, "too long", "judge"),
        ChangedParameter(
            "review", "choices.0.message.content", None, "[15 characters]", "calm", "judge", in_reply=True
        ),
    ]


def test_a_path_may_be_a_list() -> None:
    nudge = a_nudge(Set(["temperature"], 0.25))  # type: ignore[arg-type]
    assert changed_parameters(shaped(("shape", "tune", nudge, None), temperature=1)) == [
        ChangedParameter("shape", "temperature", 1, 0.25, "stress", "tune")
    ]


def test_a_record_does_not_grow_without_end() -> None:
    nudge = a_nudge(*(Set((f"n{number}",), number) for number in range(3 * MOST_CHANGES)))
    assert len(changed_parameters(shaped(("shape", "tune", nudge, None))) or ()) == MOST_CHANGES


class Routes:
    @hookimpl
    def route(self) -> Route:
        targets = (Target("default", "gpt-4o-mini"), Target("spare", "gpt-4.1-mini"))
        return Route(targets, fall_back_on=(503,), because="it is cheaper")


class Tunes:
    """Shapes each target in its own way."""

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge | None:
        model = exchange.request.model
        return a_nudge(Set(("temperature",), 0.1)) if model == "gpt-4o-mini" else a_nudge(Set(("top_p",), 0.5))


class Reminds:
    @hookimpl
    def recall(self) -> Context:
        return Context(SECRET, source="memory")


class RunsTools:
    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        return Nudge((), "it is hosted here", hosted={"weather": "weather"})

    @hookimpl
    def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult:
        return ToolResult(SECRET)


async def test_a_fallback_has_the_changes_of_the_target_that_answered(tmp_path: Path) -> None:
    spare = FakeTransport(a_chat_reply("Hello"))
    passages = Passages(
        tmp_path, {"default": FakeTransport(FakeReply(b"{}", status=503)), "spare": spare}, Routes(), Tunes()
    )
    await passages.carry(FakeClient(CHAT))
    passages.close()
    record = passages.record()
    assert record["changes"] == [
        {
            "hook": "route",
            "parameter": "model",
            "before": "gpt-4o-mini",
            "after": "gpt-4.1-mini",
            "because": "it is cheaper",
        },
        {"hook": "shape", "parameter": "top_p", "after": 0.5, "because": "stress", "plugin": "Tunes"},
    ]
    assert record["route"]["answered"] == 1
    assert (record["model"], record["attempts"][-1]["model"]) == ("gpt-4o-mini", "gpt-4.1-mini")


async def test_what_the_gateway_itself_put_into_a_request_is_told_by_its_size(tmp_path: Path) -> None:
    passages = Passages(tmp_path, FakeTransport(a_chat_reply("Hello")), Reminds())
    await passages.carry(FakeClient(CHAT))
    passages.close()
    record = passages.record()
    (change,) = record["changes"]
    assert (change["hook"], change["parameter"], change["because"]) == ("recall", "messages", "context was recalled")
    assert change["before"] != change["after"]
    assert record["retrieval"] == {"hits": 1, "characters": len(SECRET)}
    assert SECRET.encode() not in passages.journal.path.read_bytes()


async def test_results_of_tools_are_told_by_their_size(tmp_path: Path) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    calls = FakeReply(msgspec.json.encode({"choices": [{"index": 0, "message": message}]}))
    passages = Passages(tmp_path, FakeTransport(calls, a_chat_reply("Hello")), RunsTools())
    await passages.carry(FakeClient(CHAT))
    passages.close()
    record = passages.record()
    assert [(each["hook"], each["parameter"]) for each in record["changes"]] == [("run_tool", "messages")]
    ((name, status),) = [(use["name"], use["status"]) for use in record["tools"]["used"]]
    assert (name, status) == ("weather", "ok")
    assert SECRET.encode() not in passages.journal.path.read_bytes()
