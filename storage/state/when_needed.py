"""The state for whoever seldom needs it: opened at the first question, by a process that changes no schema."""

from pathlib import Path
from threading import Lock

from storage.state.database import StateError
from storage.state.state import State


class StateWhenNeeded:
    """The state of a data folder, or of the database at `url`; may be asked from any thread."""

    def __init__(self, data: Path, url: str | None = None) -> None:
        """Opens nothing. Errors: StateError, for an address that is none of PostgreSQL."""
        self._state = State(data, url)
        self._lock = Lock()
        self._is_open = False
        self._is_closed = False

    def __call__(self) -> State:
        """Gives the open state. Errors: StateError; the next call tries again, unless it was closed."""
        with self._lock:
            if self._is_closed:
                raise StateError(f"{self._state.database.name} is closed.")
            if not self._is_open:
                self._state.open(migrate=False)
                self._is_open = True
            return self._state

    def close(self) -> None:
        """Closes it for good. Safe to call twice."""
        with self._lock:
            self._is_closed = True
            self._state.close()
