"""Levels that a model gives act only where they may, cost bounded time, and are none where it fails."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import httpx
import msgspec
import pytest

from gateway import AskError, Signals
from gateway.settings import Settings
from gateway.simulator import create_app
from gateway.testing import a_caller, an_exchange, plugin_kit, started
from plugins.model_signals import ModelSignals
from plugins.model_signals.plugin import FAILURES_BEFORE_REST, REST_SECONDS
from tests.builders.gateway import running_gateway
from tests.builders.servers import run_server

SCORED = {"results": [{"category_scores": {"violence": 0.95, "hate": 0.1}}]}


class Upstream:
    """Answers what plugins ask, and keeps it."""

    def __init__(self, status: int = 200, answer: Any = SCORED, seconds: float = 0.0) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.status, self.answer, self.seconds = status, answer, seconds

    async def ask(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        self.asked.append((path, body))
        await asyncio.sleep(self.seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.status, self.answer


def a_plugin(upstream: Upstream, now: list[float] | None = None, **settings: Any) -> ModelSignals:
    moments = [0.0] if now is None else now
    plugin = ModelSignals(msgspec.convert(settings, ModelSignals.Settings), lambda: moments[0])
    plugin.startup(msgspec.structs.replace(started(Path()), ask=upstream.ask))
    return plugin


async def observed(plugin: ModelSignals, says: str = "Hello", **members: Any) -> Signals:
    answer = await plugin.observe(an_exchange(says, **members))
    assert answer is not None
    return answer


def test_the_plugin_behaves_whatever_it_is_given() -> None:
    plugin_kit(a_plugin(Upstream(), mode="enforce")).check()


async def test_in_shadow_levels_are_recorded_and_do_not_act() -> None:
    found = await observed(a_plugin(Upstream()))
    assert (found.levels, found.applied) == ({"alignment_risk": 0.95}, False)


async def test_the_last_user_turn_is_asked_about() -> None:
    upstream = Upstream()
    found = await observed(a_plugin(upstream, mode="enforce", model="my-moderation"), "Down with it")
    assert upstream.asked == [("/moderations", {"model": "my-moderation", "input": "Down with it"})]
    assert found == Signals({"alignment_risk": 0.95}, {"alignment_risk": "my-moderation scores violence at 0.95"})


async def test_a_text_is_asked_about_once_and_old_ones_are_forgotten() -> None:
    upstream = Upstream()
    plugin = a_plugin(upstream, remembered=1)
    assert [await observed(plugin, says) for says in ("a", "a", "b", "a")] == [await observed(plugin, "a")] * 4
    assert [body["input"] for _, body in upstream.asked] == ["a", "b", "a"]


async def test_of_a_long_text_both_ends_are_sent() -> None:
    upstream = Upstream()
    await observed(a_plugin(upstream, read_characters=100), "x" * 500 + "y" * 500)
    assert upstream.asked[0][1]["input"] == "x" * 50 + "\n" + "y" * 50


@pytest.mark.parametrize(
    ("upstream", "says"),
    [
        (Upstream(answer=AskError("the upstream could not be asked")), "could not be asked"),
        (Upstream(status=429), "answered 429"),
        (Upstream(answer={"error": {}}), "results"),
        (Upstream(seconds=5), "longer than 0.05 s"),
    ],
    ids=["not asked", "refused", "no answer", "too slow"],
)
async def test_a_failure_is_neutral_and_told(upstream: Upstream, says: str) -> None:
    found = await observed(a_plugin(upstream, mode="enforce", seconds=0.05))
    assert found.levels == {}
    assert says in found.because["alignment_risk"]


async def test_after_several_failures_the_model_is_left_in_peace_for_a_while() -> None:
    upstream, now = Upstream(status=500), [0.0]
    plugin = a_plugin(upstream, now)
    for number in range(FAILURES_BEFORE_REST + 3):
        await observed(plugin, f"text {number}")
    assert len(upstream.asked) == FAILURES_BEFORE_REST
    now[0], upstream.status = REST_SECONDS, 200
    assert (await observed(plugin)).levels == {"alignment_risk": 0.95}


async def test_who_pays_themselves_is_not_asked_about_on_the_operators_bill() -> None:
    upstream = Upstream()
    plugin = a_plugin(upstream)
    for caller in (a_caller(upstream_key="caller"), a_caller(mode="off")):
        assert await plugin.observe(an_exchange(caller=caller)) is None
    assert await a_plugin(upstream, mode="off").observe(an_exchange()) is None
    off = a_plugin(upstream)
    off.startup(msgspec.structs.replace(started(Path(), Settings(mode="off")), ask=upstream.ask))
    assert await off.observe(an_exchange()) is None
    assert await plugin.observe(an_exchange("")) is None
    assert upstream.asked == []


MODERATED = "I will murder you"


@pytest.mark.parametrize("ask", ["moderation", "chat"])
@pytest.mark.parametrize("mode", ["shadow", "enforce"])
def test_an_upstream_is_asked_before_the_request_goes_out(
    ask: Literal["moderation", "chat"], mode: Literal["shadow", "enforce"]
) -> None:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": MODERATED}]}
    key = {"key": "lk-x", "owner": "x", "mode": "enforce"}
    with (
        run_server(create_app()) as simulator,
        running_gateway(
            simulator,
            auth={"keys": [key]},
            upstream={"api_key": "sk-operator"},
            chain=["sign_in", "tier_check", "model_signals", "modulation"],
            plugins={"model_signals": {"ask": ask, "mode": mode}},
        ) as running,
    ):
        headers = {"authorization": "Bearer lk-x"}
        answer = httpx.post(f"{running.base_url}/chat/completions", json=body, headers=headers)
        sent = httpx.get(f"{simulator}/_last").json()["body"]
        record = running.record_of(answer.headers["x-lukhas-audit-id"])
    (step,) = [step for step in record["trail"] if step["plugin"] == "model_signals"]
    assert (answer.status_code, step["answer"].get("applied", True)) == (200, mode == "enforce")
    if ask == "moderation":
        assert step["answer"]["levels"] == {"alignment_risk": 0.95}
    assert record.get("signals", {}) == (step["answer"]["levels"] if mode == "enforce" else {})
    assert len(record["attempts"]) == 1
    if mode == "shadow":
        assert msgspec.json.decode(sent) == body
    elif ask == "moderation":
        assert msgspec.json.decode(sent)["temperature"] < 0.2
