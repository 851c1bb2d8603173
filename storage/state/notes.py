"""Seals the notes of tasks: what somebody wants to be told, and when, opens with their key alone."""

from datetime import datetime

import msgspec

from storage.state.records import Task
from storage.state.sealed import opened, sealed


class TaskNote(msgspec.Struct, frozen=True):
    """What a task says; `due` is as it was asked for, where that of the task moves with each attempt."""

    note: str
    due: datetime


def task_with_note(id: str, person: str, key: bytes, note: TaskNote, made: datetime, nonce: bytes) -> Task:
    """Gives a task as it is kept; `nonce` is 12 bytes that this key never saw."""
    return Task(id, person, note.due, sealed(msgspec.json.encode(note), key, _what(id, person), nonce), made)


def note_of(task: Task, key: bytes) -> TaskNote:
    """Gives what a task says. Errors: SealedError."""
    return msgspec.json.decode(opened(task.sealed, key, _what(task.id, task.person)), type=TaskNote)


def _what(id: str, person: str) -> str:
    return f"task {person} {id}"
