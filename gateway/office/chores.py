"""What the office does again and again beside its answers: each chore in a thread of its own, however the others fare.

A chore that fails is told, tried again ever less often, and never ends the office.
"""

import logging
from collections.abc import Callable, Sequence
from threading import Event, Lock, Thread

import msgspec

_LOG = logging.getLogger(__name__)
LONGEST_PAUSE = 30.0
SECONDS_TO_END = 10.0


class Chore(msgspec.Struct, frozen=True):
    """`run` does a part of the work, a second's at most, and says whether there is more to do at once.

    Otherwise it is run again after `pause` seconds. What keeps it from its work it raises.
    """

    name: str
    pause: float
    run: Callable[[], bool]


class Chores:
    """Runs them; `tell` learns what is wrong with all of them in one sentence, None once all is well again."""

    def __init__(self, chores: Sequence[Chore], tell: Callable[[str | None], None]) -> None:
        self._threads = [
            Thread(target=self._go_on, args=(chore,), name=f"chore-{chore.name}", daemon=True) for chore in chores
        ]
        self._tell = tell
        self._stop = Event()
        self._lock = Lock()
        self._faults: dict[str, str] = {}

    def start(self) -> None:
        """Begins; each chore is run at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> bool:
        """Lets each end the part that it is at; says whether all of them have."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(SECONDS_TO_END)
        return not any(thread.is_alive() for thread in self._threads)

    def _go_on(self, chore: Chore) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                pause = 0.0 if chore.run() else chore.pause
                failures = 0
                self._note(chore, None)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on, and so does this one later
                failures += 1
                pause = min(chore.pause * 2**failures, LONGEST_PAUSE)
                self._note(chore, error)
            self._stop.wait(pause)

    def _note(self, chore: Chore, error: Exception | None) -> None:
        fault = None if error is None else str(error) or type(error).__name__
        with self._lock:
            if self._faults.get(chore.name) == fault:
                return
            if fault is None:
                del self._faults[chore.name]
                _LOG.warning("%s: it works again.", chore.name)
            else:
                self._faults[chore.name] = fault
                _LOG.error("%s: %s", chore.name, fault, exc_info=None if _is_told(error) else error)
            told = " ".join(self._faults[name] for name in sorted(self._faults)) or None
            try:
                self._tell(told)
            except OSError:
                # A full disk may be what there is to tell; the log has it, and the chore goes on.
                _LOG.exception("what is wrong cannot be told: %s", told)


def _is_told(error: Exception | None) -> bool:
    """Whether the message says it all: errors of our own are sentences, and the system's name the file."""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] == "storage"
