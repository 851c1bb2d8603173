"""Counts requests, open ones, and those whose client left early, for `GET /_stats`."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.simulator.asgi import JSON


class Visit:
    """One request while it lasts."""

    def __init__(self) -> None:
        self.cancelled = False


class Stats:
    """The counts of one simulator."""

    def __init__(self) -> None:
        self._requests = 0
        self._open = 0
        self._cancelled = 0

    @contextmanager
    def one(self) -> Iterator[Visit]:
        """Counts a request while it lasts."""
        self._requests += 1
        self._open += 1
        visit = Visit()
        try:
            yield visit
        finally:
            self._open -= 1
            self._cancelled += visit.cancelled

    def view(self) -> JSON:
        """What `/_stats` shows."""
        return {"requests": self._requests, "open": self._open, "cancelled": self._cancelled}
