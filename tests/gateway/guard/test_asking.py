"""Tests of how the verdicts of several plugins become one."""

import asyncio
import itertools
from typing import Any

import pytest

from gateway.answers import Cut, Hold, Redact, Refusal, Release, Window
from gateway.exchange import Exchange
from gateway.guard.asking import LONGEST_NAME, refusal_of, verdict_on
from gateway.hookspecs import Hooks, hookimpl
from gateway.testing import a_call, an_exchange
from tests.builders.guards import allowing, gated, implementations, watched

VERDICTS: list[Any] = [Cut("x"), Redact("r"), Hold(), Release(), None]
WORST = [Cut, Redact, Hold, Release, Release]


async def verdict(*answers: Any, last: bool = False) -> Any:
    judges = watched(*((lambda window, answer=answer: answer) for answer in answers))
    return await verdict_on(judges, an_exchange(), Window("text", "", "text", 0, last))


@pytest.mark.parametrize(("one", "other"), [*itertools.product(range(5), repeat=2)])
async def test_the_worst_verdict_holds_in_any_order(one: int, other: int) -> None:
    assert type(await verdict(VERDICTS[one], VERDICTS[other])) is WORST[min(one, other)]


async def test_on_a_last_window_there_is_no_hold() -> None:
    assert await verdict(Hold(), last=True) == Release()


async def test_each_plugin_sees_the_text_as_the_one_before_left_it() -> None:
    judges = watched(lambda window: Redact(window.text + "1"), lambda window: Redact(window.text + "2"))
    assert await verdict_on(judges, an_exchange(), Window("a", "", "text", 0, False)) == Redact("a12")


@pytest.mark.parametrize("text", [None, 7, "\ud800"])
async def test_a_redaction_that_is_no_text_is_a_broken_plugin(text: Any) -> None:
    assert await verdict(Redact(text)) == Cut("the plugin plugin_0 failed", code="plugin_failed")


class Slow:
    @hookimpl
    async def watch(self, exchange: Exchange, window: Window) -> Cut:
        await asyncio.sleep(0)
        return Cut(window.text)


async def test_plugins_may_wait() -> None:
    slow = implementations(Hooks.watch, Slow())
    assert await verdict_on(slow, an_exchange(), Window("a", "", "text", 0, False)) == Cut("a")


async def test_a_call_that_was_blocked_is_noted_with_the_reason_and_one_that_was_allowed_is_not() -> None:
    exchange, gates = an_exchange(), gated(allowing("weather"))
    assert await refusal_of(gates, exchange, a_call("weather")) is None
    assert isinstance(await refusal_of(gates, exchange, a_call("x" * 99)), Refusal)
    (use,) = exchange.tools
    assert (use.name, use.status, use.because) == ("x" * LONGEST_NAME, "blocked", "tool_not_allowed")
    assert use.began_ns >= 0 and use.took_ns >= 0
