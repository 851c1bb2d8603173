"""Tightening: when blocked calls withhold tools, for how long, and what counts no more."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import strategies as st

from gateway.pushed import Counted, Pushed, Told, Withheld, tell
from gateway.tightening import Blocked, Tightening, TighteningEvent, due
from policies.tightening import TighteningRule
from tests.builders.cases import cases, holds

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REPEATED = TighteningRule("repeated", 3, 600, 3600)
MANY = TighteningRule("many", 5, 600, 900, withhold="all", strict=True)


def call(seconds: float, tool: str = "browser") -> Blocked:
    return Blocked(NOON + timedelta(seconds=seconds), tool, f"A-{seconds:g}")


def asked(
    rules: Sequence[TighteningRule], calls: Sequence[Blocked], counted: Sequence[Counted] = (), after: float = 10
) -> list[tuple[str, str]]:
    """The rules that ask for something `after` seconds, each with what it would withhold."""
    return [(each.rule.name, each.tool) for each in due(rules, calls, counted, NOON + timedelta(seconds=after))]


def test_so_many_calls_of_one_tool_withhold_it() -> None:
    assert asked([REPEATED], [call(1), call(2)]) == []
    assert asked([REPEATED], [call(1), call(2), call(3)]) == [("repeated", "browser")]


def test_calls_of_different_tools_are_counted_by_themselves_or_together_as_the_rule_says() -> None:
    calls = [call(number, f"tool_{number}") for number in range(5)]
    assert asked([REPEATED, MANY], calls) == [("many", "*")]


def test_a_call_counts_as_long_as_the_window() -> None:
    calls = [call(1), call(2), call(3)]
    assert asked([REPEATED], calls, after=600.5) == [("repeated", "browser")]
    assert asked([REPEATED], calls, after=601) == []


def test_a_rule_counts_the_tools_that_its_patterns_fit() -> None:
    rule = TighteningRule("pages", 1, 600, 60, tools=("open_*",))
    assert asked([rule], [call(1, "open_url"), call(2, "exec_code")]) == [("pages", "open_url")]


def test_what_has_led_to_something_counts_no_more_for_that_rule_and_tool() -> None:
    calls = [call(number) for number in range(1, 6)]
    counted = [Counted("T-1", "p-ada", "repeated", "browser", NOON + timedelta(seconds=3))]
    assert asked([REPEATED, MANY], calls, counted) == [("many", "*")]
    assert asked([REPEATED], [*calls, call(6)], counted) == [("repeated", "browser")]


def test_the_cause_is_the_exchange_of_the_last_call() -> None:
    (found,) = due([REPEATED], [call(1), call(2), call(3)], (), NOON + timedelta(seconds=10))
    assert found.audit_id == "A-3"
    assert found.because == "3 calls of it were blocked within 600 s (rule repeated)"


@cases(200)
def test_fewer_calls_than_a_rule_counts_never_withhold_anything(cases: int) -> None:
    moments = st.lists(st.floats(-2000, 10), max_size=12).map(sorted)

    def claim(seconds: list[float], blocked: int) -> None:
        rule = TighteningRule("any", blocked, 600, 60)
        within = [each for each in seconds if each > 10 - 600]
        assert bool(asked([rule], [call(each) for each in seconds])) == (len(within) >= blocked)

    holds(claim, cases, moments, st.integers(1, 8))


class Here:
    """A worker's tightening, with a clock and rules that tests set."""

    def __init__(self, data: Path, *rules: TighteningRule) -> None:
        self.path = data / "pushed.json"
        self.now = NOON
        self.rules: Sequence[TighteningRule] = rules
        self.pushed = Pushed(self.path, {"key:ada": "p-ada", "key:bob": "p-bob"}.get, now=lambda: self.now)
        numbers = count(1)
        ids: Callable[[], str] = lambda: f"T-{next(numbers)}"  # noqa: E731
        self.tightening = Tightening(lambda: self.rules, self.pushed, ids, now=lambda: self.now)

    def blocked(self, person: str = "p-ada", tool: str = "browser", times: int = 1) -> list[TighteningEvent]:
        events: list[TighteningEvent] = []
        for _ in range(times):
            self.now += timedelta(seconds=1)
            events += self.tightening.blocked(person, [Blocked(self.now, tool, "A-1")])
        return events

    def withheld(self, principal: str = "key:ada") -> list[str]:
        return [each.tool for each in self.pushed.standing(principal).withheld]

    def told(self, *withheld: Withheld, counted: Sequence[Counted] = ()) -> None:
        tell(self.path, Told(withheld=withheld, counted=tuple(counted)))
        assert self.pushed.catch_up()


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path, REPEATED, MANY)


def test_what_is_withheld_holds_at_once_and_for_that_caller_alone(here: Here) -> None:
    assert here.blocked(times=2) == []
    assert here.withheld() == []
    (event,) = here.blocked()
    assert here.withheld() == ["browser"]
    assert here.withheld("key:bob") == []
    assert (event.id, event.caller, event.tool, event.rule) == ("T-1", "p-ada", "browser", "repeated")
    assert event.until == here.now + timedelta(seconds=3600)


def test_it_ends_by_itself(here: Here) -> None:
    here.blocked(times=3)
    here.now += timedelta(seconds=3600)
    assert here.withheld() == []


def test_a_rule_may_hold_the_caller_in_strict_mode(here: Here) -> None:
    here.blocked(times=2)
    here.blocked(tool="shell", times=3)
    strict = {each.tool: each.strict for each in here.pushed.standing("key:ada").withheld}
    assert strict == {"shell": False, "*": True}


def test_while_something_is_withheld_more_calls_make_no_other_tightening_of_that_rule(here: Here) -> None:
    events = here.blocked(times=12)
    assert [(each.rule, each.tool) for each in events] == [("repeated", "browser"), ("many", "*")]


def test_the_office_takes_over_what_a_worker_withheld(here: Here) -> None:
    (event,) = here.blocked(times=3)
    here.told(Withheld(event.id, "p-ada", "browser", event.until, event.because))
    assert here.withheld() == ["browser"]


def test_what_the_office_does_not_know_yet_stays_withheld(here: Here) -> None:
    here.blocked(times=3)
    here.told()
    assert here.withheld() == ["browser"]


def test_after_a_release_old_calls_tighten_no_more_and_new_ones_do(here: Here) -> None:
    (event,) = here.blocked(times=3)
    here.now += timedelta(seconds=5)
    here.told(counted=[Counted(event.id, "p-ada", "repeated", "browser", here.now, holds=False)])
    assert here.withheld() == []
    assert here.blocked(times=2) == []
    assert here.withheld() == []
    assert [each.rule for each in here.blocked()] == ["repeated"]


def test_after_its_time_old_calls_do_not_count_again(tmp_path: Path) -> None:
    here = Here(tmp_path, TighteningRule("brief", 3, 600, 10))
    here.blocked(times=3)
    here.now += timedelta(seconds=20)
    assert here.blocked(times=2) == []
    assert len(here.blocked()) == 1


def test_without_rules_nothing_is_withheld(here: Here) -> None:
    here.rules = ()
    assert here.blocked(times=50) == []


def test_new_rules_hold_for_the_next_call(here: Here) -> None:
    here.blocked(times=2)
    here.rules = (TighteningRule("once", 1, 600, 60),)
    assert [each.rule for each in here.blocked()] == ["once"]


def test_it_takes_far_less_than_fifty_milliseconds(tmp_path: Path) -> None:
    rules = tuple(TighteningRule(f"rule_{number}", 100, 86400, 3600) for number in range(10))
    took = []
    # The quickest of three: what else the machine is at is none of its time.
    for number in range(3):
        here = Here(tmp_path / str(number), *rules)
        here.blocked(times=99)
        began = perf_counter()
        events = here.blocked()
        took.append(perf_counter() - began)
        assert len(events) == 10
        assert here.withheld() == ["browser"] * 10
    assert min(took) < 0.05
