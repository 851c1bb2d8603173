"""What signals make of the parameters: the default policy's tables, precedence, weight, bounds, and invariant A."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import strategies as some

from policies.modulation import (
    PARAMETERS,
    SIGNALS,
    Cap,
    Combined,
    Policy,
    StyleDelta,
    combined,
    load_modulation,
    strict_cap,
)
from tests.builders.cases import cases, holds
from tests.builders.modulation_policies import a_policy, levels, only_maps, policies, signals

POLICY = load_modulation(None)
EFFECTIVE = {"temperature": 1.0, "top_p": 1.0, "max_output_tokens": 1e9, "planner_beam": 1e9, "memory_write": 1.0}
"""What holds where nothing was decided: the request says nothing, and the model takes its own."""


def value(name: str, levels: dict[str, float], policy: Policy = POLICY) -> Any:
    settled = combined(policy, levels).of(name)
    return None if settled is None else settled.value


def weighted(default: float, weight: float, mapped: float) -> float:
    return default + weight * (mapped - default)


MAPS: list[tuple[str, str, Callable[[float], float]]] = [
    ("alignment_risk", "reasoning_effort", lambda x: min(1, 0.4 + 0.6 * x)),
    ("stress", "temperature", lambda x: weighted(0.6, 0.9, max(0.1, 0.7 - 0.6 * x))),
    ("stress", "top_p", lambda x: weighted(0.9, 0.9, max(0.3, 0.9 - 0.5 * x))),
    ("stress", "max_output_tokens", lambda x: round(weighted(900, 0.9, round(1400 - 600 * x)))),
    ("stress", "retrieval_k", lambda x: round(weighted(6, 0.9, min(10, 4 + round(4 * x))))),
    ("ambiguity", "reasoning_effort", lambda x: weighted(0.5, 0.7, min(1, 0.3 + 0.7 * x))),
    ("ambiguity", "retrieval_k", lambda x: round(weighted(6, 0.7, min(10, 6 + round(3 * x))))),
    ("ambiguity", "planner_beam", lambda x: round(weighted(2, 0.7, min(6, 2 + round(3 * x))))),
    ("urgency", "max_output_tokens", lambda x: round(weighted(900, 0.5, round(900 - 500 * x)))),
    ("urgency", "reasoning_effort", lambda x: weighted(0.5, 0.5, max(0.2, 0.8 - 0.6 * x))),
    ("novelty", "temperature", lambda x: weighted(0.6, 0.6, min(1, 0.6 + 0.6 * x))),
    ("novelty", "top_p", lambda x: weighted(0.9, 0.6, min(1, 0.7 + 0.3 * x))),
    ("novelty", "planner_beam", lambda x: round(weighted(2, 0.6, min(6, 3 + round(3 * x))))),
    ("novelty", "memory_write", lambda x: weighted(0.4, 0.6, min(1, 0.3 + 0.7 * x))),
    ("trust", "temperature", lambda x: weighted(0.6, 0.4, min(1, 0.5 + 0.4 * x))),
    ("trust", "memory_write", lambda x: weighted(0.4, 0.4, min(1, 0.5 + 0.5 * x))),
]


@pytest.mark.parametrize(
    ("signal", "parameter", "expected"), MAPS, ids=lambda part: part if part.__class__ is str else ""
)
@pytest.mark.parametrize("x", [0.2, 0.37, 0.5, 0.8, 1.0])
def test_a_signal_alone_leads_to_what_the_table_says(
    signal: str, parameter: str, expected: Callable[[float], float], x: float
) -> None:
    assert value(parameter, {signal: x}) == pytest.approx(expected(x))


@pytest.mark.parametrize(
    ("x", "temperature", "top_p", "beam", "mode", "tools"),
    [
        (0.05, None, None, 2, "balanced", ("browser", "retrieval")),
        (0.1, None, None, 2, "balanced", ("browser", "retrieval")),
        (0.3, None, 0.76, 2, "balanced", ("browser", "retrieval")),
        (0.5, 0.575, 0.6, 2, "strict", ("browser", "retrieval")),
        (0.71, 0.3965, 0.432, 1, "strict", ("retrieval",)),
        (1.0, 0.15, 0.2, 1, "strict", ("retrieval",)),
    ],
)
def test_risk_alone_leads_to_what_the_table_says_and_is_silent_where_it_would_loosen(
    x: float, temperature: float | None, top_p: float | None, beam: int, mode: str, tools: tuple[str, ...]
) -> None:
    found = combined(POLICY, {"alignment_risk": x})
    decided = {each.parameter: each.value for each in found.settled}
    assert decided.get("temperature") == (None if temperature is None else pytest.approx(temperature))
    assert decided.get("top_p") == (None if top_p is None else pytest.approx(top_p))
    assert (decided["planner_beam"], found.safety_mode, decided["tool_allowlist"]) == (beam, mode, tools)


@pytest.mark.parametrize(
    ("present", "mode"),
    [
        ({}, "balanced"),
        ({"novelty": 0.8, "trust": 0.7}, "creative"),
        ({"novelty": 0.8, "trust": 0.6}, "balanced"),
        ({"novelty": 0.7, "trust": 0.7}, "balanced"),
        ({"novelty": 0.8, "trust": 0.7, "alignment_risk": 0.04}, "creative"),
        ({"novelty": 0.8, "trust": 0.7, "alignment_risk": 0.06}, "balanced"),
        ({"novelty": 0.8, "trust": 0.7, "alignment_risk": 0.31}, "strict"),
    ],
)
def test_only_much_novelty_with_trust_and_without_risk_is_creative(present: dict[str, float], mode: str) -> None:
    assert combined(POLICY, present).safety_mode == mode


def test_the_first_in_precedence_decides_and_the_others_decide_what_it_does_not_map() -> None:
    found = combined(POLICY, {"urgency": 1.0, "stress": 0.5, "trust": 1.0})
    assert {each.parameter: each.signal for each in found.settled} == {
        "temperature": "stress",
        "top_p": "stress",
        "max_output_tokens": "stress",
        "reasoning_effort": "urgency",
        "retrieval_k": "stress",
        "memory_write": "trust",
        "tool_allowlist": "urgency",
    }


def test_below_its_activation_a_signal_changes_nothing() -> None:
    assert combined(POLICY, {"stress": 0.19, "alignment_risk": 0.04, "trust": 0.1}) == Combined("balanced")
    assert combined(a_policy(), {"stress": 0.2}).settled != ()


def test_what_risk_would_loosen_is_what_the_others_gave() -> None:
    alone = value("temperature", {"stress": 0.5})
    settled = combined(POLICY, {"stress": 0.5, "alignment_risk": 0.1}).of("temperature")
    assert settled is not None
    assert (settled.value, settled.signal) == (alone, "stress")
    assert settled.because.endswith("alignment_risk would have loosened it")


def test_of_two_lists_what_is_in_both_is_left() -> None:
    maps = {
        "alignment_risk": {"tool_allowlist": "retrieval + scheduler"},
        "stress": {"tool_allowlist": "browser + retrieval"},
    }
    settled = combined(only_maps(maps), {"stress": 0.5, "alignment_risk": 0.5}).of("tool_allowlist")
    assert settled is not None
    assert settled.value == ("retrieval",)
    assert settled.because.endswith("with what stress leaves")


def test_current_is_what_the_signals_below_decided_and_else_the_default() -> None:
    maps = {"stress": {"temperature": "current - 0.1"}, "trust": {"temperature": "0.1"}}
    policy = only_maps(maps)
    assert value("temperature", {"stress": 1.0}, policy) == pytest.approx(0.6 - 0.09)
    assert value("temperature", {"stress": 1.0, "trust": 1.0}, policy) == pytest.approx(0.4 - 0.09)


def test_a_map_that_gives_current_back_decides_nothing_of_its_own() -> None:
    policy = only_maps({"novelty": {"temperature": "current"}, "trust": {"temperature": "0.1"}})
    assert combined(policy, {"novelty": 1.0}).settled == ()
    settled = combined(policy, {"novelty": 1.0, "trust": 1.0}).of("temperature")
    assert settled is not None
    assert (settled.value, settled.signal) == (0.4, "trust")


def test_a_map_that_would_give_current_back_at_any_lower_risk_decides_nothing_either() -> None:
    policy = only_maps({"novelty": {"temperature": "current if alignment_risk < 0.8 else 0.1"}})
    assert combined(policy, {"novelty": 1.0, "alignment_risk": 0.5}).settled == ()
    assert value("temperature", {"novelty": 1.0, "alignment_risk": 0.9}, policy) == pytest.approx(0.3)


def test_a_map_that_falls_and_rises_again_stays_as_tight_as_it_was() -> None:
    policy = only_maps({"alignment_risk": {"temperature": "0.1 if x > 0.4 and x < 0.6 else 0.5"}})
    found = [value("temperature", {"alignment_risk": x}, policy) for x in (0.3, 0.5, 0.9)]
    assert found == [0.5, 0.1, 0.1]
    settled = combined(policy, {"alignment_risk": 0.9}).of("temperature")
    assert settled is not None
    assert "as tight as at any lower alignment_risk" in settled.because


def test_another_signals_map_cannot_loosen_by_looking_at_the_risk() -> None:
    policy = only_maps({"stress": {"temperature": "0.9 if alignment_risk > 0.5 else 0.2"}})
    calm, risky = (value("temperature", {"stress": 1.0, "alignment_risk": x}, policy) for x in (0.0, 0.9))
    assert calm == risky == pytest.approx(0.24)


def test_every_decision_says_who_at_which_level_and_how_far() -> None:
    settled = combined(POLICY, {"stress": 0.5}).of("temperature")
    assert settled is not None
    assert (settled.signal, settled.level, settled.weight, settled.mapped) == ("stress", 0.5, 0.9, pytest.approx(0.4))
    assert settled.because == "stress at 0.5 leads to 0.4, 0.9 of the way from 0.6"


def test_caps_hold_whoever_decided_and_where_nobody_did() -> None:
    caps = (Cap("temperature", 0.4, "stabilize", "three stressed exchanges"), strict_cap("FLAG_STRICT_DEFAULT", "set"))
    found = combined(POLICY, {"novelty": 1.0}, caps)
    assert (found.safety_mode, found.of("temperature").value) == ("strict", 0.4)  # type: ignore[union-attr]
    assert combined(POLICY, {"alignment_risk": 1.0}, caps).of("temperature").value == pytest.approx(0.15)  # type: ignore[union-attr]
    alone = combined(POLICY, {}, caps)
    assert [(each.parameter, each.value, each.signal, each.because) for each in alone.settled] == [
        ("temperature", 0.4, "stabilize", "three stressed exchanges"),
        ("safety_mode", "strict", "FLAG_STRICT_DEFAULT", "set"),
    ]


def test_a_capped_list_holds_what_is_in_both() -> None:
    cap = Cap("tool_allowlist", ("retrieval", "scheduler"), "tightened", "a blocked call")
    assert combined(POLICY, {}, [cap]).of("tool_allowlist").value == ("retrieval", "scheduler")  # type: ignore[union-attr]
    assert combined(POLICY, {"alignment_risk": 0.1}, [cap]).of("tool_allowlist").value == ("retrieval",)  # type: ignore[union-attr]


def test_feedback_comes_after_within_its_bounds_and_the_policys() -> None:
    found = combined(POLICY, {"stress": 0.5}, feedback=StyleDelta(0.05, 5.0, -1.0))
    assert found.of("temperature").value == pytest.approx(0.42 + 0.05)  # type: ignore[union-attr]
    assert found.of("top_p").value == pytest.approx(0.675 + 0.1)  # type: ignore[union-attr]
    assert found.of("memory_write") is None
    alone = combined(POLICY, {}, feedback=StyleDelta(temperature=-0.1)).settled
    assert [(each.parameter, each.value, each.because) for each in alone] == [
        ("temperature", 0.5, "feedback moves it by -0.1")
    ]


def test_a_cap_holds_against_feedback() -> None:
    cap = Cap("temperature", 0.4, "stabilize", "stress")
    assert combined(POLICY, {}, [cap], StyleDelta(temperature=0.1)).of("temperature").value == 0.4  # type: ignore[union-attr]


def test_names_that_are_no_signals_and_levels_that_are_no_levels_do_no_harm() -> None:
    assert combined(POLICY, {"shouting": 1.0, "stress": float("nan")}) == Combined("balanced")
    assert combined(POLICY, {"stress": 7.0}) == combined(POLICY, {"stress": 1.0})
    assert combined(POLICY, {"stress": -7.0}) == Combined("balanced")
    assert combined(POLICY, {"alignment_risk": float("nan")}) == combined(POLICY, {"alignment_risk": 1.0})


def tightness(found: Combined) -> list[tuple[str, Any]]:
    """Gives each parameter that has a tighter direction with a number or set that is smaller where it is tighter."""
    said: list[tuple[str, Any]] = []
    for parameter in PARAMETERS:
        settled = found.of(parameter.name)
        if parameter.name == "tool_allowlist":
            said.append((parameter.name, None if settled is None else set(settled.value)))
        elif parameter.name == "safety_mode":
            said.append((parameter.name, parameter.words.index(found.safety_mode)))
        elif parameter.tightens:
            said.append((parameter.name, EFFECTIVE[parameter.name] if settled is None else settled.value))
    return said


def is_no_looser(tight: Combined, loose: Combined) -> bool:
    pairs = zip(tightness(tight), tightness(loose), strict=True)
    return all(one == other or other is None or (one is not None and one <= other) for (_, one), (_, other) in pairs)


@cases(120)
def test_raising_the_risk_never_loosens_anything_whatever_the_policy(cases: int) -> None:
    def claim(
        policy: Policy, others: dict[str, float], risks: list[float], delta: float | None, cap: float | None
    ) -> None:
        feedback = None if delta is None else StyleDelta(delta, delta, delta)
        caps = () if cap is None else (Cap("temperature", cap, "stabilize", ""), strict_cap("flag", ""))
        others.pop("alignment_risk", None)
        found = [combined(policy, others, caps, feedback)]
        found += [combined(policy, others | {"alignment_risk": risk}, caps, feedback) for risk in sorted(risks)]
        for loose, tight in pairwise(found):
            assert is_no_looser(tight, loose), (tightness(tight), tightness(loose))

    deltas, limits = some.none() | some.floats(-0.1, 0.1), some.none() | levels
    holds(claim, cases, policies(), signals, some.lists(levels, min_size=1, max_size=4), deltas, limits)


@cases(100)
def test_everything_stays_within_its_bounds_and_is_explained(cases: int) -> None:
    def claim(policy: Policy, present: dict[str, float]) -> None:
        found = combined(policy, present)
        for settled in found.settled:
            lane = policy.lane(settled.parameter)
            assert settled.because
            assert settled.signal in present
            if lane.low is not None:
                assert lane.low <= settled.value <= lane.high
                assert not lane.parameter.whole or settled.value.__class__ is int
        mode = found.of("safety_mode")
        assert found.safety_mode == (policy.default_mode if mode is None else mode.value)

    holds(claim, cases, policies(), signals)


@cases(60)
def test_the_order_of_signals_and_caps_and_the_time_of_asking_do_not_matter(cases: int) -> None:
    def claim(policy: Policy, present: dict[str, float], order: list[str], caps: list[Cap]) -> None:
        again = {name: present[name] for name in order if name in present}
        assert combined(policy, present, caps) == combined(policy, again, caps[::-1])

    capped = some.builds(Cap, some.just("temperature"), levels, some.sampled_from("ab"), some.just("because"))
    modes = some.builds(strict_cap, some.sampled_from("ab"), some.just("because"))
    holds(claim, cases, policies(), signals, some.permutations(SIGNALS), some.lists(capped | modes, max_size=3))


@cases(60)
def test_feedback_never_touches_safety_tools_or_limits(cases: int) -> None:
    def claim(policy: Policy, present: dict[str, float], delta: float) -> None:
        feedback = StyleDelta(delta, delta, delta, delta)
        before, after = combined(policy, present), combined(policy, present, feedback=feedback)
        for name in ("safety_mode", "tool_allowlist", "max_output_tokens", "planner_beam", "reasoning_effort"):
            assert before.of(name) == after.of(name)
        assert before.safety_mode == after.safety_mode

    holds(claim, cases, policies(), signals, some.floats(-10, 10))
