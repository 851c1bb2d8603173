"""What a child tells the supervisor, each a line on a pipe: that it is ready, that its loop runs, or what is wrong."""

import asyncio
import os

READY = b"ready"
BEAT = b"beat"
FAULT = b"fault "
BEAT_SECONDS = 1.0


class Reports:
    """The child's end of the pipe."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        os.set_blocking(fd, False)
        os.set_inheritable(fd, False)

    def ready(self) -> None:
        """Says that requests are answered, and from now on each second that the running loop still turns."""
        self._tell(READY)
        self._beat(asyncio.get_running_loop())

    def fault(self, message: str) -> None:
        """Says why this child cannot start."""
        self._tell(FAULT + " ".join(message.split()).encode())

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._tell(BEAT)
        loop.call_later(BEAT_SECONDS, self._beat, loop)

    def _tell(self, line: bytes) -> None:
        try:
            os.write(self._fd, line + b"\n")
        except (BlockingIOError, BrokenPipeError):
            # A supervisor that does not read is stopped or gone; the lifeline deals with that.
            return
