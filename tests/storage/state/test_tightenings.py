"""Tightenings: they hold from their cause until their time is over or somebody takes them back."""

from datetime import UTC, datetime, timedelta

import msgspec

from storage.state.records import Tightening
from storage.state.state import State

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_tightening(id: str, person: str | None = "p-ada", until: datetime = NOW + HOUR) -> Tightening:
    return Tightening(id, person, "browser", "A-1", "a blocked call", NOW, until)


def test_it_holds_until_its_time_is_over(state: State) -> None:
    state.tightenings.add(a_tightening("t-1"))
    assert state.tightenings.held(NOW) == [a_tightening("t-1")]
    assert state.tightenings.held(NOW + HOUR) == []


def test_a_person_is_held_by_their_own_and_by_those_of_everybody(state: State) -> None:
    for each in (a_tightening("t-1"), a_tightening("t-2", "p-bob"), a_tightening("t-3", None)):
        state.tightenings.add(each)
    assert [each.id for each in state.tightenings.held(NOW, "p-ada")] == ["t-1", "t-3"]
    assert [each.id for each in state.tightenings.held(NOW)] == ["t-1", "t-2", "t-3"]


def test_what_was_taken_back_holds_no_more(state: State) -> None:
    state.tightenings.add(a_tightening("t-1"))
    assert state.tightenings.release("t-1", NOW, "p-officer")
    assert not state.tightenings.release("t-1", NOW, "p-officer")
    assert state.tightenings.held(NOW) == []


def test_what_is_over_cannot_be_taken_back(state: State) -> None:
    state.tightenings.add(a_tightening("t-1", until=NOW))
    assert not state.tightenings.release("t-1", NOW, "p-officer")


def test_it_is_known_by_its_id_and_added_once(state: State) -> None:
    assert state.tightenings.add(a_tightening("t-1"))
    state.tightenings.release("t-1", NOW, "p-officer")
    assert not state.tightenings.add(a_tightening("t-1"))
    found = state.tightenings.of("t-1")
    assert found is not None
    assert found.released == NOW
    assert state.tightenings.of("t-2") is None


def test_the_rule_that_made_it_and_its_strictness_are_kept(state: State) -> None:
    made = msgspec.structs.replace(a_tightening("t-1"), rule="repeated", strict=True)
    state.tightenings.add(made)
    assert state.tightenings.held(NOW) == [made]


def test_those_of_late_are_told_whether_they_hold_or_not(state: State) -> None:
    old = msgspec.structs.replace(a_tightening("t-1"), since=NOW - HOUR)
    state.tightenings.add(old)
    state.tightenings.add(a_tightening("t-2", until=NOW))
    assert [each.id for each in state.tightenings.since(NOW - HOUR / 2)] == ["t-2"]
    state.tightenings.release("t-1", NOW, "p-officer")
    assert [each.id for each in state.tightenings.since(NOW - HOUR / 2)] == ["t-1", "t-2"]


def test_what_was_over_long_ago_goes(state: State) -> None:
    state.tightenings.add(a_tightening("t-1", until=NOW))
    state.tightenings.add(a_tightening("t-2"))
    assert state.tightenings.expire(NOW + timedelta(minutes=1)) == 1
    assert [each.id for each in state.tightenings.held(NOW)] == ["t-2"]
