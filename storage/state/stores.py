"""What a worker asks of the state, said without the database that answers: its code is loaded when it is needed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from storage.state.records import Found, KeptResult, Symbols, Task, TaskState


class KeptResultsStore(Protocol):
    """What is kept for a client until it comes back. Errors of every method: StateError."""

    def put(self, result: KeptResult) -> None:
        """Keeps a result, in the place of an earlier one."""
        ...

    def put_new(self, result: KeptResult, now: datetime) -> bool:
        """Keeps a result where there is none; says whether there was none."""
        ...

    def find_all(self, person: str, call_ids: Sequence[str], now: datetime) -> list[KeptResult]:
        """Gives what is kept of somebody under these ids."""
        ...

    def remove(self, person: str, call_id: str) -> None:
        """Takes a result away."""
        ...


class SymbolsStore(Protocol):
    """The symbols of people."""

    def of(self, person: str) -> Symbols | None:
        """Gives those of a person. Errors: StateError."""
        ...


class DocumentsStore(Protocol):
    """The documents of people."""

    def search(self, person: str, key: bytes, query: str, k: int) -> list[Found]:
        """Gives the passages that have most to do with a question. Errors: SealedError, StateError."""
        ...


class TasksStore(Protocol):
    """What is to happen later. Errors of every method: StateError."""

    def add_to(self, task: Task, most: int) -> bool:
        """Keeps a task where fewer than `most` of that person's wait; says whether it was kept."""
        ...

    def due(self, now: datetime, most: int) -> list[Task]:
        """Gives waiting tasks whose time has come, the oldest first."""
        ...

    def claim(self, task: Task, again: datetime) -> bool:
        """Takes a due task, which is due again at `again`; says whether nobody was quicker."""
        ...

    def close(self, id: str, state: TaskState) -> bool:
        """Says how a waiting task ended; says whether it was waiting."""
        ...


class Stores(Protocol):
    """The open state, as far as workers ask it."""

    @property
    def kept_results(self) -> KeptResultsStore:
        """What is kept for clients."""
        ...

    @property
    def symbols(self) -> SymbolsStore:
        """The symbols of people."""
        ...

    @property
    def documents(self) -> DocumentsStore:
        """The documents of people."""
        ...

    @property
    def tasks(self) -> TasksStore:
        """What is to happen later."""
        ...

    def close(self) -> None:
        """Closes it. Safe to call twice."""
        ...
