"""In a tool loop a request is shaped again, and no step is looser than the one before."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as some

from gateway import Exchange, Nudge, Target
from gateway.changed_parameters import changed_parameters
from gateway.decide import shaped, shaped_again
from gateway.hooks import Implementation
from gateway.loader import Common
from gateway.testing import an_exchange
from plugins.modulation import Modulation
from plugins.modulation.modes import Mode
from policies.modulation.parameters import SAFETY_MODES
from policies.modulation.signals import SIGNALS
from tests.builders.governing import function, governing
from tests.builders.pipelines import Faults, a_chain
from tests.plugins.modulation.test_plugin import modulation

UNHURRIED = Common(budget_ms=10_000)
RISKY = {"alignment_risk": 0.9}
CREATIVE = {"novelty": 0.9, "trust": 0.9}
LOOSEST = {"temperature": 1.0, "top_p": 1.0, "n": 1, "max_tokens": 1e9, "max_completion_tokens": 1e9}
LEVELS = some.dictionaries(some.sampled_from(SIGNALS), some.floats(0, 1), max_size=4)


def shaping(plugin: Modulation, faults: Faults | None = None) -> tuple[Implementation, ...]:
    return tuple(a_chain(plugin, governing(), faults=faults, common=UNHURRIED).implementations["shape"])


def preambles(exchange: Exchange) -> list[str]:
    return [each["content"] for each in exchange.request.json["messages"] if each["role"] == "developer"]


async def stepped(
    *found: dict[str, float], mode: Mode = "enforce", blocked_before: int = 0, **members: Any
) -> Exchange:
    """Gives the exchange after a step for each of these signals; before the step `blocked_before` a call is blocked."""
    exchange = an_exchange({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}], **members})
    shape = shaping(modulation(mode))
    for number, signals in enumerate(found, 1):
        exchange.signals = signals
        if number == blocked_before:
            exchange.safety_mode = "strict"
        await (shaped(shape, exchange, Target()) if number == 1 else shaped_again(shape, exchange))
    return exchange


async def test_what_a_tool_gave_makes_the_next_step_strict_and_says_so_once() -> None:
    exchange = await stepped({}, RISKY, RISKY, temperature=0.7)
    assert (exchange.safety_mode, exchange.request.json["temperature"] < 0.7) == ("strict", True)
    assert len(preambles(exchange)) == 1
    told = [each.parameter for each in changed_parameters(exchange) or ()]
    assert (told.count("safety_mode"), told.count("temperature"), told.count("messages")) == (1, 1, 1)


async def test_after_a_blocked_call_a_calm_request_goes_on_strict() -> None:
    calm = await stepped({}, {})
    assert calm.request is calm.asked
    exchange = await stepped({}, {}, {}, blocked_before=2)
    assert exchange.safety_mode == "strict"
    (preamble,) = preambles(exchange)
    assert "peculation" in preamble or "afety" in preamble
    (change,) = [each for each in changed_parameters(exchange) or () if each.parameter == "messages"]
    assert (change.plugin, change.signal) == ("Modulation", "tool_loop")


async def test_a_stricter_mode_adds_its_words_and_the_exchange_does_not_become_creative_in_between() -> None:
    assert (await stepped(CREATIVE)).safety_mode == "creative"
    assert (await stepped(CREATIVE, {**CREATIVE, "alignment_risk": 0.2})).safety_mode == "balanced"
    assert (await stepped({}, CREATIVE)).safety_mode == "balanced"
    exchange = await stepped(CREATIVE, {**CREATIVE, **RISKY}, {**CREATIVE, **RISKY})
    assert (exchange.safety_mode, len(preambles(exchange))) == ("strict", 2)


async def test_who_says_the_words_of_the_strict_mode_does_not_keep_the_gateway_from_saying_them() -> None:
    (words,) = preambles(await stepped(RISKY))
    exchange = await stepped({}, RISKY, messages=[{"role": "user", "content": words}])
    assert preambles(exchange) == [words]


async def test_in_shadow_no_step_is_changed_and_the_last_one_is_told() -> None:
    exchange = await stepped({"stress": 0.5}, RISKY, RISKY, mode="shadow", temperature=0.7)
    assert exchange.request is exchange.asked
    assert (exchange.safety_mode, exchange.limits) == ("balanced", {})
    told = [(each.parameter, each.applied) for each in changed_parameters(exchange) or ()]
    assert told.count(("temperature", False)) == told.count(("messages", False)) == 1
    assert all(not applied for _, applied in told)


async def test_what_is_heeded_here_is_said_where_it_was_decided() -> None:
    assert (await stepped({})).limits == {}
    assert (await stepped({"ambiguity": 1.0})).limits == {"planner_beam": 4, "retrieval_k": 8}
    assert (await stepped({"ambiguity": 1.0}, {"ambiguity": 1.0, **RISKY})).limits["planner_beam"] == 1


def held(exchange: Exchange) -> dict[str, Any]:
    """What may only get tighter."""
    body = exchange.request.json
    return {
        "mode": SAFETY_MODES.index(exchange.safety_mode),
        **{name: body.get(name, loosest) for name, loosest in LOOSEST.items()},
        **{f"limit {name}": exchange.limits.get(name, 1e9) for name in ("planner_beam", "retrieval_k")},
    }


def tools(exchange: Exchange) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    names = frozenset(each["function"]["name"] for each in exchange.request.json.get("tools", ()))
    allowed = frozenset(("retrieval", "browser", "scheduler", "code_exec"))
    return names, frozenset(exchange.hosted), allowed if exchange.allowed_tools is None else exchange.allowed_tools


@given(
    found=some.lists(LEVELS, min_size=2, max_size=5),
    blocked=some.integers(0, 5),
    client=some.fixed_dictionaries(
        {},
        optional={
            "temperature": some.floats(0, 1),
            "top_p": some.floats(0, 1),
            "n": some.integers(1, 4),
            "max_tokens": some.integers(1, 4000),
            "max_completion_tokens": some.integers(1, 4000),
        },
    ),
)
@tried(deadline=None)
async def test_no_later_step_of_a_loop_is_looser_than_the_one_before(
    found: list[dict[str, float]], blocked: int, client: dict[str, Any]
) -> None:
    asked = [function("lookup"), {"type": "lukhas", "name": "retrieval"}, {"type": "lukhas", "name": "scheduler"}]
    turns = [{"role": "user", "content": "Hi"}]
    exchange = an_exchange({"model": "gpt-4o-mini", "messages": turns, "tools": asked, **client})
    faults = Faults()
    shape = shaping(modulation(), faults)
    await shaped(shape, exchange, Target())
    for number, levels in enumerate(found):
        before, had = held(exchange), tools(exchange)
        exchange.signals = {
            name: max(levels.get(name, 0.0), exchange.signals.get(name, 0.0)) for name in {*levels, *exchange.signals}
        }
        if number == blocked:
            exchange.safety_mode = "strict"
        await shaped_again(shape, exchange)
        after, has = held(exchange), tools(exchange)
        assert [name for name in before if after[name] > before[name]] == []
        assert all(now <= was for now, was in zip(has, had, strict=True))
        assert len(preambles(exchange)) == len(set(preambles(exchange)))
        assert msgspec.json.decode(exchange.request.body or b"") == exchange.request.json
    assert faults.seen == []
    answers = [step.answer for step in exchange.trail if step.hook == "shape"]
    assert all(answer is None or isinstance(answer, Nudge) for answer in answers)
