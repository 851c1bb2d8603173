"""What a worker looks after some times a second while it serves, however each look fares."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from gateway.hooks import described

_LOG = logging.getLogger(__name__)


class Ticks:
    """Looks at each by its name in order, and again after `pause` seconds.

    One that fails keeps neither the others nor its own next look from being made: a worker that stopped would hear of
    no lock any more.
    """

    def __init__(self, looks: Mapping[str, Callable[[], object]], pause: float) -> None:
        self._looks = looks
        self._pause = pause
        self._faults: dict[str, str] = {}
        self._next: asyncio.TimerHandle | None = None

    @property
    def failure(self) -> str | None:
        """Says which looks failed the last time, and why; None where none did."""
        return " ".join(f"Looking after {name} failed: {fault}." for name, fault in self._faults.items()) or None

    def start(self) -> None:
        """Looks now, and from now on."""
        for name, look in self._looks.items():
            self._look(name, look)
        self._next = asyncio.get_running_loop().call_later(self._pause, self.start)

    def stop(self) -> None:
        """Ends it."""
        if self._next is not None:
            self._next.cancel()

    def _look(self, name: str, look: Callable[[], object]) -> None:
        try:
            look()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look is made
            fault = described(error)
            if self._faults.get(name) != fault:
                _LOG.error("Looking after %s failed, and is tried again: %s", name, fault, exc_info=error)
            self._faults[name] = fault
        else:
            self._faults.pop(name, None)
