"""Rises act at once, falls wait, noisy sources are quieted, stress is answered; and a risk is never held down."""

from itertools import pairwise

import pytest
from hypothesis import strategies as some

from policies.modulation import SIGNALS, SignalError, combined, load_modulation
from policies.modulation.homeostasis import MOST_SOURCES, NEW, Emission, Regulated, State, emission, regulated
from tests.builders.cases import cases, holds
from tests.builders.modulation_policies import levels

POLICY = load_modulation(None)


def said(name: str, level: float, now_ms: int = 0, source: str = "extractor", audit_id: str = "A-1") -> Emission:
    return emission(POLICY, name, level, source, now_ms, audit_id)


def walked(*steps: tuple[int, list[Emission]]) -> list[Regulated]:
    state, found = NEW, []
    for now_ms, emissions in steps:
        state, each = regulated(POLICY, state, emissions, now_ms)
        found.append(each)
    return found


def test_a_rise_acts_at_once() -> None:
    found = walked((0, [said("stress", 0.3)]), (1, [said("stress", 0.9, 1)]))
    assert [each.levels for each in found] == [{"stress": 0.3}, {"stress": 0.9}]
    assert all(each.damped == () for each in found)


def test_a_fall_waits_for_the_cooldown_and_says_so() -> None:
    found = walked(
        (0, [said("stress", 0.9)]), (799, [said("stress", 0.3, 799)]), (800, [said("stress", 0.3, 800)]), (801, [])
    )
    assert [each.levels for each in found] == [{"stress": 0.9}, {"stress": 0.9}, {"stress": 0.3}, {"stress": 0.3}]
    damped = found[1].damped[0]
    assert (damped.name, damped.source, damped.reason, damped.level) == ("stress", "extractor", "cooldown", 0.9)
    assert damped.because == "its fall from 0.9 to 0.3 waits for another 1 ms"


def test_without_a_cooldown_a_level_falls_at_once() -> None:
    found = walked((0, [said("alignment_risk", 0.9)]), (1, []))
    assert found[1] == Regulated({})


def test_a_level_that_stays_is_counted_anew() -> None:
    found = walked((0, [said("stress", 0.9)]), (700, [said("stress", 0.9, 700)]), (1400, []), (1500, []))
    assert [each.levels.get("stress") for each in found] == [0.9, 0.9, 0.9, None]


def test_what_was_published_beside_exchanges_stays_for_its_time() -> None:
    published = said("stress", 0.8, source="errors", audit_id="")
    found = walked((0, [published]), (4000, []), (4500, [said("stress", 0.5, 4500)]), (4999, []), (5000, []))
    assert [each.levels.get("stress") for each in found] == [0.8, 0.8, 0.8, 0.8, 0.5]
    assert found[-1].damped != ()
    assert found[2].sources == {"stress": ("errors",)}


def test_what_was_published_falls_after_the_cooldown_when_its_source_says_less() -> None:
    steps = [(now, [said("stress", level, now, "errors", "")]) for now, level in ((0, 0.8), (500, 0.2), (900, 0.2))]
    assert [each.levels["stress"] for each in walked(*steps)] == [0.8, 0.8, 0.2]


def test_an_emission_beyond_its_time_does_not_act() -> None:
    found = walked((5000, [said("stress", 0.9, 0)]))[0]
    assert found.levels == {}
    assert found.damped[0].reason == "expired"


def test_of_several_sources_the_highest_counts_and_is_named() -> None:
    found = walked(
        (0, [said("stress", 0.3, source="a"), said("stress", 0.9, source="c"), said("stress", 0.9, source="b")])
    )
    assert found[0].levels == {"stress": 0.9}
    assert found[0].sources == {"stress": ("b", "c")}


def test_a_source_that_speaks_too_often_is_damped_until_the_window_has_passed() -> None:
    found = walked(*((now, [said("urgency", 0.5, now)]) for now in range(21)), (10_000, [said("urgency", 0.5, 10_000)]))
    assert [each.levels for each in found[:20]] == [{"urgency": 0.5}] * 20
    assert [damped.reason for damped in found[20].damped] == ["budget", "cooldown"]
    assert found[20].damped[0].because == "extractor spoke of it 20 times in 10000 ms"
    assert found[21].levels == {"urgency": 0.5}


def test_another_source_has_a_budget_of_its_own() -> None:
    found = walked(*((0, [said("urgency", 0.5)]) for _ in range(20)), (0, [said("novelty", 0.5, source="other")]))
    assert found[20].levels["novelty"] == 0.5


def test_each_signal_of_a_source_has_a_budget_of_its_own() -> None:
    both = [said("urgency", 0.5), said("stress", 0.5)]
    found = walked(*((0, both) for _ in range(20)))
    assert not found[19].damped
    assert {each.name for each in walked(*((0, both) for _ in range(21)))[20].damped} == {"urgency", "stress"}


def test_levels_too_low_to_act_leave_nothing_behind_of_a_caller_of_whom_nothing_is_known() -> None:
    low = [said("urgency", 0.19), said("alignment_risk", 0.049)]
    assert regulated(POLICY, NEW, low, 0) == (NEW, Regulated({}))
    state, found = regulated(POLICY, NEW, [*low, said("stress", 0.2)], 0)
    assert state != NEW
    assert found.levels == {"urgency": 0.19, "alignment_risk": 0.049, "stress": 0.2}


def test_a_risk_acts_whatever_the_budget_says() -> None:
    found = walked(*((0, [said("alignment_risk", 0.5)]) for _ in range(30)), (0, [said("alignment_risk", 0.9)]))
    assert found[30].levels == {"alignment_risk": 0.9}
    assert (found[30].damped[0].reason, found[30].damped[0].level) == ("budget", 0.9)


def test_a_caller_does_not_fill_the_memory_with_names_of_sources() -> None:
    state, found = regulated(POLICY, NEW, [said("urgency", 0.5, source=f"s{number:03}") for number in range(999)], 0)
    assert len(state.spoken_ms) == MOST_SOURCES
    assert len(found.damped) == 999 - MOST_SOURCES
    state, _ = regulated(POLICY, state, [], 10_000)
    assert state == NEW


def test_three_stressed_exchanges_bring_the_counter_signal_until_stress_is_low() -> None:
    course = [(0.8, False), (0.9, False), (0.8, True), (0.5, True), (0.4, True), (0.39, False), (0.8, False)]
    found = walked(
        *((second * 1000, [said("stress", level, second * 1000)]) for second, (level, _) in enumerate(course))
    )
    assert [bool(each.caps) for each in found] == [stabilizes for _, stabilizes in course]
    decided = combined(POLICY, found[2].levels, found[2].caps)
    assert {each.parameter: each.value for each in decided.settled if each.signal == "stabilize"} == {
        "max_output_tokens": 700,
        "planner_beam": 1,
    }
    assert decided.of("temperature").value <= 0.4  # type: ignore[union-attr]


def test_stress_that_waits_for_its_fall_is_not_counted_as_that_of_the_next_exchanges() -> None:
    found = walked((0, [said("stress", 0.9)]), *((now, []) for now in range(1, 10)))
    assert [each.levels for each in found] == [{"stress": 0.9}] * 10
    assert not any(each.caps for each in found)


def test_stress_that_is_not_above_the_mark_breaks_the_row() -> None:
    course = [0.8, 0.8, 0.7, 0.8, 0.8]
    found = walked(*((second * 1000, [said("stress", level, second * 1000)]) for second, level in enumerate(course)))
    assert not any(each.caps for each in found)


def test_speaking_too_often_does_not_end_the_counter_signal() -> None:
    found = walked(*((0, [said("stress", 0.9)]) for _ in range(25)), (2000, [said("stress", 0.9, 2000)]))
    assert found[-1].levels == {}
    assert found[-1].caps != ()


def test_a_calm_caller_costs_nothing() -> None:
    assert regulated(POLICY, NEW, [], 5) == (NEW, Regulated({}))


def test_what_is_no_signal_is_refused() -> None:
    with pytest.raises(SignalError, match="Unknown signal 'mood'"):
        said("mood", 0.5)
    with pytest.raises(SignalError, match="not a number"):
        said("stress", float("nan"))
    assert said("stress", 7).level == 1.0


emissions = some.lists(
    some.builds(
        Emission,
        some.sampled_from(SIGNALS),
        levels,
        some.sampled_from((1, 100, 5000)),
        some.sampled_from("ab"),
        some.sampled_from(("", "A-1")),
        some.just(0),
    ),
    max_size=6,
)
courses = some.lists(some.tuples(some.integers(0, 3000), emissions), min_size=1, max_size=30)


def at(now_ms: int, found: list[Emission]) -> list[Emission]:
    return [Emission(each.name, each.level, each.ttl_ms, each.source, each.audit_id, now_ms) for each in found]


@cases(80)
def test_a_risk_is_never_held_below_what_was_found_and_nothing_above_what_was_ever_said(cases: int) -> None:
    def claim(course: list[tuple[int, list[Emission]]]) -> None:
        state, now_ms, highest = NEW, 0, dict.fromkeys(SIGNALS, 0.0)
        for wait_ms, found in course:
            now_ms += wait_ms
            state, result = regulated(POLICY, state, at(now_ms, found), now_ms)
            for each in found:
                highest[each.name] = max(highest[each.name], each.level)
                if each.name == "alignment_risk" and each.level >= POLICY.activations[0]:
                    assert result.levels.get("alignment_risk", 0.0) >= each.level
            assert all(0 < level <= highest[name] for name, level in result.levels.items())
            assert result.levels.keys() == result.sources.keys()

    holds(claim, cases, courses)


def test_of_two_emissions_that_differ_in_their_time_alone_the_budget_takes_the_same_one_in_any_order() -> None:
    state, _ = regulated(POLICY, NEW, [said("urgency", 0.5)] * 19, 0)
    two = [emission(POLICY, "urgency", 0.5, "extractor", 0, "A-1", ttl_ms) for ttl_ms in (100, 5000)]
    assert regulated(POLICY, state, two, 0) == regulated(POLICY, state, two[::-1], 0)


@cases(60)
def test_the_order_of_emissions_does_not_matter(cases: int) -> None:
    def claim(course: list[tuple[int, list[Emission]]]) -> None:
        one: State = NEW
        other: State = NEW
        now_ms = 0
        for wait_ms, found in course:
            now_ms += wait_ms
            one, first = regulated(POLICY, one, at(now_ms, found), now_ms)
            other, second = regulated(POLICY, other, at(now_ms, found)[::-1], now_ms)
            assert (one, first) == (other, second)

    holds(claim, cases, courses)


@cases(60)
def test_no_source_is_admitted_more_often_than_its_budget_in_any_window(cases: int) -> None:
    def claim(course: list[tuple[int, list[Emission]]]) -> None:
        state, now_ms, times = NEW, 0, []
        for wait_ms, found in course:
            now_ms += wait_ms // 10
            found = [emission(POLICY, "urgency", max(each.level, 0.2), each.source, now_ms) for each in found]
            state, result = regulated(POLICY, state, found, now_ms)
            times += [now_ms] * (len(found) - sum(damped.reason == "budget" for damped in result.damped))
            assert all(len(spoken) <= 20 for spoken in state.spoken_ms.values())
        assert all(early <= late for early, late in pairwise(times))
        windows = (sum(start <= time < start + 10_000 for time in times) for start in times)
        assert max(windows, default=0) <= 2 * 20

    holds(claim, cases, courses)
