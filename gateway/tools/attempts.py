"""Tries again what may go well the next time, and stops asking for a while what keeps failing."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

Result = TypeVar("Result")
PAUSES = (0.2, 0.8)
FAILURES = 5
OPEN_SECONDS = 30.0
MOST_NAMES = 1024


class CircuitOpen(Exception):
    """It failed so often that it is not tried for now; the message is a short sentence."""


class Breaker:
    """Counts failures by name: after `failures` in a row that name is not tried for `seconds`, then once.

    `now` is in seconds of a clock that only goes forward.
    """

    def __init__(
        self, failures: int = FAILURES, seconds: float = OPEN_SECONDS, now: Callable[[], float] = monotonic
    ) -> None:
        self._most = failures
        self._seconds = seconds
        self._now = now
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def admits(self, name: str) -> bool:
        """Whether it may be tried; where a pause has ended, the one who asks is the one who tries."""
        count, until = self._failed.get(name, (0, 0.0))
        if count < self._most:
            return True
        if self._now() < until:
            return False
        self._note(name, count)
        return True

    def went_well(self, name: str) -> None:
        """Notes a good end."""
        self._failed.pop(name, None)

    def failed(self, name: str) -> None:
        """Notes a failure."""
        self._note(name, self._failed.get(name, (0, 0.0))[0] + 1)

    def _note(self, name: str, count: int) -> None:
        self._failed[name] = (count, self._now() + self._seconds)
        self._failed.move_to_end(name)
        while len(self._failed) > MOST_NAMES:
            self._failed.popitem(last=False)


async def attempted(
    work: Callable[[], Awaitable[Result]],
    is_transient: Callable[[Exception], bool],
    breaker: Breaker,
    name: str,
    *,
    pauses: tuple[float, ...] = PAUSES,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Result:
    """Does the work, and again after each pause where it failed in passing; `name` is that of the circuit.

    Errors: CircuitOpen, and the last error of the work. One that is not transient says nothing of the circuit.
    """
    if not breaker.admits(name):
        raise CircuitOpen(f"{name} failed several times in a row and is not asked for a while.")
    for pause in (*pauses, None):
        try:
            result = await work()
        except Exception as error:
            if not is_transient(error):
                raise
            if pause is None:
                breaker.failed(name)
                raise
        else:
            breaker.went_well(name)
            return result
        await sleep(pause)
    raise AssertionError("the last try either returns or raises")
