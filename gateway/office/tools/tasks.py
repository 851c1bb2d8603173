"""`/tools/tasks`: the tasks that models scheduled for the caller, and taking one back."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from litestar import delete, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.answers import Refusal
from gateway.office.feedback.routes import Removed, done
from gateway.office.refusing import Refused
from identity.caller import Caller
from identity.keyring import Keyring
from storage.state.notes import note_of
from storage.state.records import Task, TaskState
from storage.state.state import State

UNKNOWN_TASK = Refusal("You have no task of this id.", code="not_found", status=404, param="task_id")


class TaskShown(msgspec.Struct, frozen=True):
    """One task: `due` as it was asked for, `attempts` how often its webhook was told; `failed` is told no more."""

    id: str
    due: datetime
    note: str
    state: TaskState
    made: datetime
    attempts: int


class TasksShown(msgspec.Struct, frozen=True):
    """The caller's tasks, those that are due next first."""

    tasks: list[TaskShown]


def task_routes(state: State, keyring: Keyring) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers."""

    @get("/tools/tasks", tags=["tools"])
    async def tools_tasks(caller: NamedDependency[Caller]) -> TasksShown:
        """Lists what was scheduled for you."""
        return TasksShown(await done(lambda: _of(caller, state, keyring)))

    @delete("/tools/tasks/{task_id:str}", tags=["tools"], status_code=200)
    async def tools_tasks_delete(caller: NamedDependency[Caller], task_id: FromPath[str]) -> Removed:
        """Takes a task of yours away, so that nobody is told of it."""

        def removed() -> bool:
            person = keyring.known(caller.principal)
            return person is not None and state.tasks.remove(person.pseudonym, task_id)

        if not await done(removed):
            raise Refused(UNKNOWN_TASK)
        return Removed(True)

    return [tools_tasks, tools_tasks_delete]


def _of(caller: Caller, state: State, keyring: Keyring) -> list[TaskShown]:
    """Gives the tasks of a caller. Errors: KeyringError, StateError, SealedError."""
    person = keyring.known(caller.principal)
    if person is None:
        return []
    return [_shown(task, person.key) for task in state.tasks.of(person.pseudonym)]


def _shown(task: Task, key: bytes) -> TaskShown:
    note = note_of(task, key)
    return TaskShown(task.id, note.due, note.note, task.state, task.made, task.attempts)
