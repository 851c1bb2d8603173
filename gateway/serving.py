"""What the worker's server and the office's have in common: one start, one stop, and signals that mean the same."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator
from types import FrameType

import uvicorn

SECONDS_TO_RECORD = 2.0


class Serving(uvicorn.Server):
    """A server that tells `started` once it listens, and leaves nothing running when it stops.

    `signals` says whether it is the one in its process that SIGTERM and SIGINT stop.
    """

    def __init__(
        self, config: uvicorn.Config, started: Callable[[], None] = lambda: None, *, signals: bool = True
    ) -> None:
        super().__init__(config)
        self._tell_started = started
        self._with_signals = signals

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins what stands behind the server, listens, and tells it."""
        await self.begin()
        await self.listen(sockets)
        self._tell_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets requests end within the drain timeout, breaks off the rest, then ends what stands behind."""
        await super().shutdown(sockets)
        # uvicorn cancels what has not ended and does not look back; each of them still writes its record.
        left = set(self.server_state.tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=SECONDS_TO_RECORD)
        await self.end()

    async def listen(self, sockets: list[socket.socket] | None) -> None:
        """Listens at all addresses; what it raises ends the start."""
        await super().startup(sockets)

    async def begin(self) -> None:
        """Called before the server listens; what it raises ends the start."""

    async def end(self) -> None:
        """Called when no request is left."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leaves the signals alone where another server of the process has them."""
        if self._with_signals:
            with super().capture_signals():
                yield
        else:
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drains at the first signal, and stops at once at the second; uvicorn would raise them again at its end."""
        self.force_exit = self.should_exit
        self.should_exit = True
