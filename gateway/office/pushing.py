"""Tells the workers what the state says: flags, means of ratings, locks, tightenings, who has symbols."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from gateway.pushed import Counted, Told, Withheld, tell
from storage.state.feedback_tables import ALL
from storage.state.records import Tightening
from storage.state.state import State

COUNTED_FOR = timedelta(days=1)
"""As long as the window of a rule may be."""
MOST_MEANS = 20_000
"""Of the people who rated last; a worker reads all of them at once."""
MOST_WITH_SYMBOLS = 20_000
"""Of the people who changed theirs last, for the same reason."""


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
        tables, now = self._state.feedback_tables.every(), self._now()
        return Told(
            {override.name: override.value for override in self._state.flag_overrides.every()},
            next((table.mean for table in tables if table.owner == ALL), 0.0),
            {table.owner: table.mean for table in tables[:MOST_MEANS] if table.owner != ALL},
            tuple(lock.person for lock in self._state.locks.held()),
            tuple(
                Withheld(each.id, each.person, each.tool, each.until, each.because, each.strict)
                for each in self._state.tightenings.held(now)
            ),
            tuple(
                counted_by(each, each.person)
                for each in self._state.tightenings.since(now - COUNTED_FOR)
                if each.person is not None
            ),
            self._state.symbols.stamps(MOST_WITH_SYMBOLS),
        )


def counted_by(tightening: Tightening, person: str) -> Counted:
    """Gives what a tightening of a person has counted: all until it began, or until it was taken back."""
    until = tightening.released or tightening.since
    return Counted(tightening.id, person, tightening.rule, tightening.tool, until, tightening.released is None)
