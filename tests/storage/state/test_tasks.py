"""Tasks: due in their order, claimed by one, and everybody's own."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from storage.state.records import Task
from storage.state.state import State

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_task(id: str, person: str = "p-ada", due: datetime = NOW) -> Task:
    return Task(id, person, due, b"sealed", NOW)


def test_of_many_that_add_at_once_no_more_are_kept_than_may_wait(state: State) -> None:
    for number in range(8):
        state.tasks.add(a_task(f"t-{number}"))
    state.tasks.add(a_task("t-other", "p-bob"))
    state.tasks.add(a_task("t-done"))
    state.tasks.close("t-done", "done")
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda number: state.tasks.add_to(a_task(f"n-{number}"), 10), range(8)))
    assert (sum(kept), state.tasks.waiting("p-ada")) == (2, 10)


def test_tasks_are_due_in_the_order_of_their_time(state: State) -> None:
    for task in (a_task("t-2", due=NOW), a_task("t-1", due=NOW - HOUR), a_task("t-3", due=NOW + HOUR)):
        state.tasks.add(task)
    assert [task.id for task in state.tasks.due(NOW, 10)] == ["t-1", "t-2"]
    assert [task.id for task in state.tasks.due(NOW, 1)] == ["t-1"]
    assert state.tasks.of("p-ada")[0] == a_task("t-1", due=NOW - HOUR)


def test_one_of_two_that_claim_a_task_has_it(state: State) -> None:
    state.tasks.add(a_task("t-1"))
    (task,) = state.tasks.due(NOW, 10)
    assert state.tasks.claim(task, NOW + HOUR)
    assert not state.tasks.claim(task, NOW + HOUR)
    assert state.tasks.due(NOW, 10) == []
    (again,) = state.tasks.due(NOW + HOUR, 10)
    assert again.attempts == 1


def test_a_task_that_ended_is_due_no_more(state: State) -> None:
    state.tasks.add(a_task("t-1"))
    assert state.tasks.close("t-1", "done")
    assert not state.tasks.close("t-1", "failed")
    assert state.tasks.due(NOW, 10) == []
    assert state.tasks.of("p-ada")[0].state == "done"


def test_a_task_is_taken_away_by_its_person_alone(state: State) -> None:
    state.tasks.add(a_task("t-1"))
    assert not state.tasks.remove("p-bob", "t-1")
    assert state.tasks.of("p-bob") == []
    assert state.tasks.remove("p-ada", "t-1")
    assert state.tasks.of("p-ada") == []


def test_what_ended_long_ago_goes_and_what_waits_stays(state: State) -> None:
    state.tasks.add(a_task("t-1"))
    state.tasks.add(a_task("t-2"))
    state.tasks.close("t-1", "done")
    assert state.tasks.expire(NOW + HOUR) == 1
    assert [task.id for task in state.tasks.of("p-ada")] == ["t-2"]
