"""The kit finds each way in which a plugin can misbehave, and nothing in one that behaves."""

import asyncio
import itertools
import time
from typing import Any

import pytest

from gateway import (
    Caller,
    Cut,
    Exchange,
    Hold,
    Nudge,
    Redact,
    Refusal,
    Release,
    Set,
    Signals,
    ToolCall,
    Window,
    hookimpl,
    input_text,
)
from gateway.testing import Finding, a_caller, plugin_kit

QUICK = 100.0


def findings(plugin: object) -> list[Finding]:
    return plugin_kit(plugin, budget_ms=QUICK).findings()


def found(plugin: object, hook: str) -> str:
    """The one kind of thing that is found, in this hook alone."""
    all_found = findings(plugin)
    assert {finding.hook for finding in all_found} == {hook}
    assert all(finding.tried for finding in all_found)
    return all_found[0].happened


# Plugins that behave.


class Behaves:
    """Reads everything that there is to read, and answers well in each hook."""

    @hookimpl
    def identify(self, exchange: Exchange) -> Caller:
        return a_caller()

    @hookimpl
    async def admit(self, exchange: Exchange) -> Refusal | None:
        await asyncio.sleep(0)
        return Refusal("No.") if exchange.request.model is None else None

    @hookimpl
    def observe(self, exchange: Exchange) -> Signals:
        return Signals({"length": min(len(input_text(exchange)) / 100, 1.0)})

    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        return Refusal("Do not shout.") if input_text(exchange).isupper() else None

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        return Nudge((Set(("temperature",), 0.1),), because="a test")

    @hookimpl
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> Refusal | None:
        return None if call.name == "lookup" else Refusal("No.")

    @hookimpl
    def record(self, exchange: Exchange) -> None:
        return None


class HidesCards:
    """Holds back what could become the number of a card."""

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Release | Hold | Redact:
        if not window.last:
            return Hold()
        return Redact(window.text.replace("4111 1111 1111 1111", "[card]"))


class ThinksInAThread:
    @hookimpl(blocking=True)
    def judge(self, exchange: Exchange) -> None:
        time.sleep(0.001)


@pytest.mark.parametrize("plugin", [Behaves(), HidesCards(), ThinksInAThread()])
def test_a_plugin_that_behaves_passes(plugin: object) -> None:
    assert findings(plugin) == []
    plugin_kit(plugin).check()


# Plugins that break.


class RaisesOnOddBodies:
    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        first = exchange.request.json["messages"][0]
        return Refusal("No.") if first["content"] == "x" else None


class RaisesWithoutAReply:
    @hookimpl
    def account(self, exchange: Exchange) -> None:
        assert exchange.reply is not None


class RaisesOnArgumentsThatAreNoJson:
    @hookimpl
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> None:
        assert call.arguments.startswith("{")


class RaisesLater:
    @hookimpl
    async def judge(self, exchange: Exchange) -> None:
        await asyncio.sleep(0)
        raise OSError("no disk")


@pytest.mark.parametrize(
    ("plugin", "hook", "error"),
    [
        (RaisesOnOddBodies(), "judge", "raised: "),
        (RaisesWithoutAReply(), "account", "raised: AssertionError"),
        (RaisesOnArgumentsThatAreNoJson(), "allow_tool", "raised: AssertionError"),
        (RaisesLater(), "judge", "raised: OSError: no disk"),
    ],
)
def test_raising_is_found_with_what_was_tried(plugin: object, hook: str, error: str) -> None:
    assert found(plugin, hook).startswith(error)


class Hangs:
    @hookimpl
    def judge(self, exchange: Exchange) -> None:
        time.sleep(5)


class HangsLater:
    @hookimpl
    async def judge(self, exchange: Exchange) -> None:
        await asyncio.sleep(3600)


class Slow:
    @hookimpl
    def judge(self, exchange: Exchange) -> None:
        time.sleep(0.15)


@pytest.mark.parametrize("plugin", [Hangs(), HangsLater()])
def test_hanging_is_found_once_and_soon(plugin: object) -> None:
    began = time.monotonic()
    assert "hangs" in found(plugin, "judge")
    assert len(findings(plugin)) == 1
    assert time.monotonic() - began < 4


def test_being_slow_is_found() -> None:
    plugin = Slow()
    assert "budget is 100 ms" in plugin_kit(plugin, budget_ms=QUICK).findings()[0].happened


class AnswersWords:
    @hookimpl
    def judge(self, exchange: Exchange) -> Any:
        return "no"


class AnswersForAnotherHook:
    @hookimpl
    def observe(self, exchange: Exchange) -> Any:
        return Refusal("No.")


class ForgotToAwait:
    @hookimpl
    def judge(self, exchange: Exchange) -> Any:
        return self._later()

    async def _later(self) -> None:
        return None


@pytest.mark.parametrize(
    ("plugin", "hook", "answered"),
    [
        (AnswersWords(), "judge", "str"),
        (AnswersForAnotherHook(), "observe", "Refusal"),
        (ForgotToAwait(), "judge", "coroutine"),
    ],
)
def test_an_answer_of_the_wrong_type_is_found(plugin: object, hook: str, answered: str) -> None:
    assert found(plugin, hook) == f"wrong_type: answered {answered}"


# Plugins that do more than answer.


class WritesTheCaller:
    @hookimpl
    def judge(self, exchange: Exchange) -> None:
        exchange.caller = None


class WritesIntoTheBody:
    @hookimpl
    def shape(self, exchange: Exchange) -> None:
        if isinstance(exchange.request.json, dict):
            exchange.request.json["temperature"] = 0


class WritesIntoTheReply:
    @hookimpl
    def review(self, exchange: Exchange) -> None:
        if exchange.reply is not None and isinstance(exchange.reply.json, dict):
            exchange.reply.json["choices"] = []


class WritesSignals:
    @hookimpl
    async def judge(self, exchange: Exchange) -> None:
        await asyncio.sleep(0)
        exchange.signals = {"a": 1.0}


class WritesTheTrail:
    @hookimpl
    def judge(self, exchange: Exchange) -> None:
        exchange.trail.clear()


@pytest.mark.parametrize(
    ("plugin", "hook"),
    [
        (WritesTheCaller(), "judge"),
        (WritesIntoTheBody(), "shape"),
        (WritesIntoTheReply(), "review"),
        (WritesSignals(), "judge"),
        (WritesTheTrail(), "judge"),
    ],
)
def test_changing_the_exchange_is_found(plugin: object, hook: str) -> None:
    assert found(plugin, hook).startswith("it changed the exchange")


class Counting:
    """Answers another way each time."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    @hookimpl
    def observe(self, exchange: Exchange) -> Signals:
        return Signals({"a": next(self._numbers) / 1000})


class JudgesByTurns:
    def __init__(self) -> None:
        self._turns = itertools.cycle((None, Refusal("No.")))

    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        return next(self._turns)


@pytest.mark.parametrize(("plugin", "hook"), [(Counting(), "observe"), (JudgesByTurns(), "judge")])
def test_answering_the_same_question_in_two_ways_is_found(plugin: object, hook: str) -> None:
    assert "not pure" in found(plugin, hook)


class LimitsByCounting:
    """May well answer another way each time: that is what limits are for."""

    def __init__(self) -> None:
        self._left = 3

    @hookimpl
    def admit(self, exchange: Exchange) -> Refusal | None:
        self._left -= 1
        return None if self._left > 0 else Refusal("Later.", status=429)


def test_a_hook_that_need_not_be_pure_may_count() -> None:
    assert findings(LimitsByCounting()) == []


# Plugins that watch.


class RedactsWhatItSees:
    """Takes a card out where it sees all of it at once, and lets its halves pass."""

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Redact | None:
        text = window.text.replace("4111 1111 1111 1111", "[card]")
        return Redact(text) if text != window.text else None


class CutsWhatItSees:
    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Cut | None:
        return Cut("a card") if "4111 1111 1111 1111" in window.text else None


@pytest.mark.parametrize("plugin", [RedactsWhatItSees(), CutsWhatItSees()])
def test_a_verdict_that_depends_on_where_the_stream_was_cut_is_found(plugin: object) -> None:
    said = found(plugin, "watch")
    assert "answer Hold" in said


class HoldsTheWindow:
    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Hold | Redact:
        return Hold() if not window.last else Redact(window.text.upper())


def test_holding_to_the_end_gives_the_same_wherever_the_stream_was_cut() -> None:
    assert findings(HoldsTheWindow()) == []


# The kit itself.


class NoHookOfOurs:
    @hookimpl
    def jugde(self, exchange: Exchange) -> None:
        return None


def test_a_plugin_that_cannot_be_loaded_is_found() -> None:
    (finding,) = findings(NoHookOfOurs())
    assert finding.hook == "load"
    assert "jugde" in finding.happened


def test_check_lists_what_it_found() -> None:
    with pytest.raises(AssertionError, match=r"- judge, .*: wrong_type: answered str"):
        plugin_kit(AnswersWords()).check()


def test_each_hook_is_tried_in_chat_and_responses_whole_and_streamed_and_with_odd_bodies() -> None:
    seen: list[tuple[str, bool, object]] = []

    class Looks:
        @hookimpl
        def admit(self, exchange: Exchange) -> None:
            path = exchange.endpoint.template if exchange.endpoint else "none"
            seen.append((path, exchange.request.streamed, type(exchange.request.json)))

    plugin_kit(Looks()).check()
    assert {(path, streamed) for path, streamed, _ in seen} >= {
        ("/chat/completions", False),
        ("/chat/completions", True),
        ("/responses", False),
        ("/responses", True),
        ("none", False),
    }
    assert {kind for _, _, kind in seen} >= {dict, list, str, type(None)}
