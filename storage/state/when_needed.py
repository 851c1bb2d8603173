"""The state for whoever seldom needs it: loaded and opened at the first question, by a process that changes no schema.

The code of the database is a sixth of a worker's memory and of its start, and most workers never ask.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from threading import Lock

from storage.state.state_error import StateError
from storage.state.stores import Stores


class StateWhenNeeded:
    """The state of a data folder, or of the database at `url`; may be asked from any thread."""

    def __init__(self, data: Path, url: str | None = None) -> None:
        """Opens nothing."""
        self._data = data
        self._url = url
        self._lock = Lock()
        self._opened: Stores | None = None
        self._is_closed = False

    def __call__(self) -> Stores:
        """Gives the open state. Errors: StateError; the next call tries again, unless it was closed."""
        with self._lock:
            if self._is_closed:
                raise StateError("The state is closed.")
            if self._opened is None:
                opened: Callable[[Path, str | None], Stores] = import_module("storage.state.state").opened
                self._opened = opened(self._data, self._url)
            return self._opened

    def close(self) -> None:
        """Closes it for good. Safe to call twice."""
        with self._lock:
            self._is_closed = True
            if self._opened is not None:
                self._opened.close()
