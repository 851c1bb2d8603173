"""Takes new connections from a listening socket, many at a time.

uvloop's own server takes one in each turn of the loop. Where a turn answers hundreds of requests, whoever comes then
waits for as many turns as there are connections before theirs, also who asks for health.
"""

import asyncio
import functools
import logging
import socket
from collections.abc import Callable

_LOG = logging.getLogger(__name__)
MOST_AT_ONCE = 512
PAUSE_SECONDS = 0.2


class Acceptor:
    """Gives each connection a protocol of its own, made by `protocol`.

    Where no descriptor is left, connections wait in the socket's queue, from which other workers may take them. That
    is said once, until all who waited have been taken.
    """

    def __init__(self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._listener = listener
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._beginnings: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._is_short = False
        listener.setblocking(False)
        self._go_on()

    def close(self) -> None:
        """Takes no more connections; the socket is its owner's to close."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        else:
            self._loop.remove_reader(self._listener.fileno())

    async def wait_closed(self) -> None:
        """Waits until each connection that was taken has its protocol."""
        if self._beginnings:
            await asyncio.wait(self._beginnings)

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(MOST_AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                self._is_short = False
                return
            except OSError as error:
                self._tell_short(error)
                self._loop.remove_reader(self._listener.fileno())
                self._pause = self._loop.call_later(PAUSE_SECONDS, self._go_on)
                return
            task = self._loop.create_task(self._begin(connection))
            self._beginnings.add(task)
            task.add_done_callback(functools.partial(self._begun, connection))

    async def _begin(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await self._loop.connect_accepted_socket(self._protocol, connection)

    def _begun(self, connection: socket.socket, task: "asyncio.Task[None]") -> None:
        self._beginnings.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None or task.cancelled():
            connection.close()
        if isinstance(error, MemoryError):
            self._tell_short(error)
        elif error is not None and not isinstance(error, OSError):
            _LOG.error("a connection could not begin", exc_info=error)

    def _tell_short(self, error: Exception) -> None:
        if not self._is_short:
            self._is_short = True
            _LOG.warning("no connection can be taken now: %s", str(error) or "no memory is left")
