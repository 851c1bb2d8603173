"""Ends a child whose supervisor is gone, however it went: the pipe that it held open closes with it."""

import os
import signal
import threading
import time
from typing import IO

SECONDS_TO_DRAIN = 2.0
SECONDS_TO_STOP = 3.0


def hold_on_to(supervisor: IO[bytes]) -> None:
    """Stops this process when `supervisor` ends: it drains briefly, then stops, then is ended.

    It is a thread, so that it works while the event loop stands.
    """
    threading.Thread(target=_wait, args=(supervisor,), name="lifeline", daemon=True).start()


def _wait(supervisor: IO[bytes]) -> None:
    while os.read(supervisor.fileno(), 1 << 12):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_DRAIN)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_STOP)
    os._exit(1)
