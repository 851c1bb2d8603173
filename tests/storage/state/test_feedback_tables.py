"""Tables of feedback: a mean for each owner, and a version that grows when it changes."""

from datetime import UTC, datetime, timedelta

from storage.state.feedback_tables import ALL
from storage.state.records import FeedbackTable
from storage.state.state import State

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def test_each_change_has_the_next_version(state: State) -> None:
    state.feedback_tables.put(ALL, 0.5, NOW)
    state.feedback_tables.put(ALL, -0.25, LATER)
    assert state.feedback_tables.of(ALL) == FeedbackTable(ALL, -0.25, 2, LATER)


def test_what_says_the_same_again_is_no_change(state: State) -> None:
    state.feedback_tables.put(ALL, 0.5, NOW)
    state.feedback_tables.put(ALL, 0.5, LATER)
    assert state.feedback_tables.of(ALL) == FeedbackTable(ALL, 0.5, 1, NOW)


def test_tables_that_say_nothing_are_left_out_and_keep_their_version(state: State) -> None:
    state.feedback_tables.put("p-ada", 0.5, NOW)
    state.feedback_tables.put("p-bob", 0.5, LATER)
    state.feedback_tables.put("p-cleo", 0.1, LATER)
    state.feedback_tables.put("p-cleo", 0.0, LATER)
    assert [table.owner for table in state.feedback_tables.every()] == ["p-bob", "p-ada"]
    assert state.feedback_tables.of("p-cleo") == FeedbackTable("p-cleo", 0.0, 2, LATER)
    assert state.feedback_tables.of("p-nobody") is None


def test_tables_that_said_nothing_for_long_go_and_the_one_of_all_stays(state: State) -> None:
    for owner in (ALL, "p-ada"):
        state.feedback_tables.put(owner, 0.0, NOW)
    state.feedback_tables.put("p-bob", 0.5, NOW)
    assert state.feedback_tables.expire(NOW) == 0
    assert state.feedback_tables.expire(LATER) == 1
    assert state.feedback_tables.of("p-ada") is None


def test_several_are_kept_at_once_each_with_its_own_version(state: State) -> None:
    state.feedback_tables.put("p-ada", 0.5, NOW)
    state.feedback_tables.put_all({"p-ada": 0.5, "p-bob": -1.0, ALL: 0.1}, LATER)
    state.feedback_tables.put_all({"p-bob": 1.0}, LATER)
    state.feedback_tables.put_all({}, LATER)
    found = {table.owner: (table.mean, table.version) for table in state.feedback_tables.every()}
    assert found == {"p-ada": (0.5, 1), "p-bob": (1.0, 2), ALL: (0.1, 1)}
