"""A late review: the first refusal counts, what would change the reply is dropped and stands in the trail."""

import asyncio
from typing import Any

from gateway import Amendment, Exchange, Refusal, Retry, hookimpl
from gateway.late_review import reviewed_late
from gateway.loader import Common, Plugin, chain_of
from gateway.testing import an_exchange

Said = Refusal | Amendment | Retry | None
NO = Refusal("No.", code="too_rude")


class Says:
    """Says the same of every reply."""

    def __init__(self, answer: Said) -> None:
        self._answer = answer

    @hookimpl
    def review(self, exchange: Exchange) -> Said:
        return self._answer


class SaysLater(Says):
    """Says it after a while."""

    @hookimpl
    async def review(self, exchange: Exchange) -> Said:  # type: ignore[override]
        await asyncio.sleep(0.001)
        return self._answer


async def told(exchange: Exchange, *plugins: Any) -> Refusal | None:
    loaded = [Plugin(f"plugin_{at}", "1", "test", plugin, Common()) for at, plugin in enumerate(plugins)]
    return await reviewed_late(chain_of(loaded, lambda *_: None).implementations["review"], exchange)


async def test_the_first_refusal_counts_and_nobody_is_asked_behind_it() -> None:
    exchange = an_exchange()
    assert await told(exchange, Says(None), SaysLater(NO), Says(Refusal("Never.", code="other"))) == NO
    assert [step.plugin for step in exchange.trail] == ["plugin_0", "plugin_1"]


async def test_what_would_change_the_reply_is_dropped_and_said() -> None:
    exchange = an_exchange()
    assert await told(exchange, SaysLater(Amendment((), "Milder.")), Says(Retry("Again."))) is None
    faults = [step.fault for step in exchange.trail if step.fault is not None]
    assert len(faults) == 2
    assert all("already going out" in fault for fault in faults)
