from datetime import UTC, datetime, timedelta

from storage.state.notes import TaskNote, task_with_note
from tests.gateway.office.feedback.conftest import Asked, asked

__all__ = ["asked"]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def keep(asked: Asked, key: str, id: str, hours: int = 1) -> None:
    """Keeps a task for the owner of a key, as a worker would."""
    await asked("GET", "/tools/tasks", key)
    principal = await asked.principal(key)
    person = asked.office.keyring.person(principal)
    note = TaskNote(f"the note of {id}", NOW + timedelta(hours=hours))
    asked.office.state.tasks.add(task_with_note(id, person.pseudonym, person.key, note, NOW, bytes(12)))


async def test_callers_see_their_own_tasks_the_next_one_first(asked: Asked) -> None:
    await keep(asked, "lk-ada", "t-2", hours=2)
    await keep(asked, "lk-ada", "t-1", hours=1)
    await keep(asked, "lk-bob", "t-3")
    tasks = (await asked("GET", "/tools/tasks", "lk-ada")).json()["tasks"]
    assert [task["id"] for task in tasks] == ["t-1", "t-2"]
    assert tasks[0] == {
        "id": "t-1",
        "due": "2026-11-20T13:00:00Z",
        "note": "the note of t-1",
        "state": "waiting",
        "made": "2026-11-20T12:00:00Z",
        "attempts": 0,
    }


async def test_whoever_was_never_met_has_none(asked: Asked) -> None:
    assert (await asked("GET", "/tools/tasks", "lk-low")).json() == {"tasks": []}


async def test_callers_take_back_their_own_tasks_and_no_others(asked: Asked) -> None:
    await keep(asked, "lk-ada", "t-1")
    for key in ("lk-bob", "lk-officer"):
        reply = await asked("DELETE", "/tools/tasks/t-1", key)
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")
    assert (await asked("DELETE", "/tools/tasks/t-1", "lk-ada")).json() == {"removed": True}
    assert (await asked("DELETE", "/tools/tasks/t-1", "lk-ada")).status_code == 404
    assert (await asked("GET", "/tools/tasks", "lk-ada")).json() == {"tasks": []}


async def test_nobody_is_told_of_tasks_without_a_key(asked: Asked) -> None:
    assert (await asked("GET", "/tools/tasks", "lk-wrong")).status_code == 401
