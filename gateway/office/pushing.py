"""Tells the workers what the state says: flags, means of ratings, locks, tightenings."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from gateway.pushed import Told, Withheld, tell
from storage.state.feedback_tables import ALL
from storage.state.state import State

MOST_MEANS = 20_000
"""Of the people who rated last; a worker reads all of them at once."""


class Pushing:
    """Writes the file of `gateway.pushed` where what it says is not what it said last."""

    def __init__(self, state: State, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._state = state
        self._path = path
        self._now = now
        self._lock = Lock()
        self._last: Told | None = None

    def push(self) -> bool:
        """Tells what is new; says whether anything was. Errors: StateError, OSError."""
        with self._lock:
            told = self._told()
            if told == self._last:
                return False
            tell(self._path, told)
            self._last = told
            return True

    def _told(self) -> Told:
        tables = self._state.feedback_tables.every()
        return Told(
            {override.name: override.value for override in self._state.flag_overrides.every()},
            next((table.mean for table in tables if table.owner == ALL), 0.0),
            {table.owner: table.mean for table in tables[:MOST_MEANS] if table.owner != ALL},
            tuple(lock.person for lock in self._state.locks.held()),
            tuple(
                Withheld(each.id, each.person, each.tool, each.until, each.because)
                for each in self._state.tightenings.held(self._now())
            ),
        )
