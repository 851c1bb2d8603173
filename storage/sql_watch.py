"""Watches a statement while it runs: stops it when its time is over, and says so when it does not stop."""

from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType

AGAIN_SECONDS = 0.1
GRACE_SECONDS = 15.0


class Watch:
    """Lasts as long as its `with`: after `seconds`, or once `too_much` says so, it calls `interrupt`.

    A statement is interrupted again and again, since one that comes between two steps of the engine is lost. A single
    call of a function does not listen to interrupts: one that runs on for `grace` seconds is `stuck`.
    """

    def __init__(
        self,
        interrupt: Callable[[], None],
        stuck: Callable[[], None],
        seconds: float,
        too_much: Callable[[], bool] | None = None,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self.was_late = self.was_too_much = False
        self._interrupt = interrupt
        self._stuck = stuck
        self._seconds = seconds
        self._too_much = too_much
        self._grace = grace
        self._done = Event()

    def __enter__(self) -> "Watch":
        Thread(target=self._watch, name="sql-watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._done.set()

    def _watch(self) -> None:
        if self._ends_in_time():
            return
        self.was_late = not self.was_too_much
        for _ in range(round(self._grace / AGAIN_SECONDS)):
            self._interrupt()
            if self._done.wait(AGAIN_SECONDS):
                return
        self._stuck()

    def _ends_in_time(self) -> bool:
        if self._too_much is None:
            return self._done.wait(self._seconds)
        for _ in range(max(1, round(self._seconds / AGAIN_SECONDS))):
            if self._done.wait(min(AGAIN_SECONDS, self._seconds)):
                return True
            if self._too_much():
                self.was_too_much = True
                return False
        return False
