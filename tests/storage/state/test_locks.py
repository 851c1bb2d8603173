"""Locks: somebody is held, once, until somebody lets them go."""

from datetime import UTC, datetime, timedelta

from storage.state.records import Lock
from storage.state.state import State

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def test_somebody_is_locked_once(state: State) -> None:
    assert state.locks.put("p-ada", NOW, "six disagreements")
    assert not state.locks.put("p-ada", LATER, "seven")
    assert state.locks.held() == [Lock("p-ada", NOW, "six disagreements")]


def test_who_was_let_go_is_held_no_more_and_may_be_locked_again(state: State) -> None:
    state.locks.put("p-ada", NOW, "six disagreements")
    assert state.locks.release("p-ada", LATER, "p-officer")
    assert not state.locks.release("p-ada", LATER, "p-officer")
    assert state.locks.held() == []
    assert state.locks.of("p-ada") == Lock("p-ada", NOW, "six disagreements", LATER, "p-officer")
    assert state.locks.put("p-ada", LATER, "again")
    assert state.locks.of("p-ada") == Lock("p-ada", LATER, "again")


def test_nobody_is_locked_by_the_lock_of_another(state: State) -> None:
    state.locks.put("p-ada", NOW, "six disagreements")
    assert state.locks.of("p-bob") is None
    assert not state.locks.release("p-bob", NOW, "p-officer")


def test_those_who_were_let_go_lately_can_be_asked_for(state: State) -> None:
    state.locks.put("p-ada", NOW, "x")
    state.locks.release("p-ada", LATER, "admin")
    assert [lock.person for lock in state.locks.held(since=NOW)] == ["p-ada"]
    assert state.locks.held(since=LATER) == []


def test_locks_that_were_released_long_ago_go_and_those_that_hold_stay(state: State) -> None:
    for person in ("p-ada", "p-bob"):
        state.locks.put(person, NOW, "x")
    state.locks.release("p-ada", NOW, "admin")
    assert state.locks.expire(NOW) == 0
    assert state.locks.expire(LATER) == 1
    assert [lock.person for lock in state.locks.held()] == ["p-bob"]
