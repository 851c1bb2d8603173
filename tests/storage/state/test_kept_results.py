"""Kept results: by caller and call, for a time, and never another caller's."""

from datetime import UTC, datetime, timedelta

from storage.state.records import KeptResult
from storage.state.state import State

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RESULT = KeptResult("p-ada", "call_1", "A-1", b"\x00sealed", NOW + HOUR)


def test_a_result_is_found_by_its_caller_and_by_nobody_else(state: State) -> None:
    state.kept_results.put(RESULT)
    assert state.kept_results.find("p-ada", "call_1", NOW) == RESULT
    assert state.kept_results.find("p-bob", "call_1", NOW) is None
    assert state.kept_results.find("p-ada", "call_2", NOW) is None


def test_the_same_call_has_one_result(state: State) -> None:
    state.kept_results.put(RESULT)
    again = KeptResult("p-ada", "call_1", "A-2", b"other", NOW + 2 * HOUR)
    state.kept_results.put(again)
    assert state.kept_results.find("p-ada", "call_1", NOW) == again


def test_a_result_whose_time_is_over_is_not_found_and_goes(state: State) -> None:
    state.kept_results.put(RESULT)
    assert state.kept_results.find("p-ada", "call_1", NOW + HOUR) is None
    assert state.kept_results.expire(NOW) == 0
    assert state.kept_results.expire(NOW + HOUR) == 1


def test_a_result_is_taken_away_from_its_caller_alone(state: State) -> None:
    other = KeptResult("p-bob", "call_1", "A-2", b"other", NOW + HOUR)
    for each in (RESULT, other):
        state.kept_results.put(each)
    state.kept_results.remove("p-ada", "call_1")
    assert state.kept_results.find("p-ada", "call_1", NOW) is None
    assert state.kept_results.find("p-bob", "call_1", NOW) == other
