"""The connections to one upstream: the last one freed is the next one used, and nobody waits without an end."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.transport import ConnectError, ConnectTimeout, OutgoingRequest, PoolExhausted
from gateway.transport.clock import Patience
from gateway.transport.connection import Connection
from gateway.transport.dialer import Dialer, Resolve, resolved
from gateway.transport.limits import Limits
from gateway.transport.origin import Origin
from gateway.transport.reply import Reply
from gateway.transport.request_head import request_head
from gateway.transport.upload import upload


class ConnectionPool:
    """The `Transport` to one upstream.

    `url` names it (`http` or `https`; its path is not looked at). `uds` is a unix socket to connect to in its place,
    `proxy` the URL of a proxy that is asked for tunnels, `ca_file` the authorities to trust in place of the system's;
    `resolve` gives the addresses to connect to.
    """

    def __init__(
        self,
        url: str,
        limits: Limits,
        *,
        ca_file: Path | None = None,
        proxy: str | None = None,
        uds: Path | None = None,
        resolve: Resolve = resolved,
    ) -> None:
        origin = Origin.of(url)
        self.authority = origin.authority.encode()
        self._limits = limits
        self._patience = Patience.under(limits)
        self._dialer = Dialer(origin, ca_file, None if proxy is None else Origin.of(proxy), uds, resolve)
        self._connections: set[Connection] = set()
        self._idle: dict[Connection, None] = {}
        self._waiting: OrderedDict[asyncio.Future[Connection | None], None] = OrderedDict()
        self._slots_taken = 0
        self._ticking = False
        self._closing = False
        self._emptied = asyncio.Event()

    async def send(self, request: OutgoingRequest) -> Reply:
        """Sends the request, gives the reply once its headers are here. Errors: see the package."""
        head = request_head(request)
        idle = self._idle
        age = 0
        while idle:
            connection = idle.popitem()[0]
            if connection.clean:
                break
            connection.drop()
        else:
            connection, age = await self._obtain()
        body = request.body
        if body is None or isinstance(body, bytes):
            asked = connection.ask(request.method, head, body or b"", False, age)
            try:
                return await asked
            except BaseException:
                _withdraw(connection, asked)
                raise
        asked = connection.ask(request.method, head, b"", True, age)
        return await _send_stream(connection, asked, body, request.length)

    async def aclose(self) -> None:
        """Closes idle connections at once, and the busy ones when their replies end."""
        self._closing = True
        while self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                turn.set_exception(ConnectError("the transport was closed"))
        for connection in list(self._idle):
            connection.drop()
        if self._idle:
            await self._emptied.wait()

    async def _obtain(self) -> tuple[Connection, int]:
        """Gives a connection, opened or freed by another request, and the ticks that this took."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        queued = False
        try:
            async with asyncio.timeout(self._limits.connect_timeout):
                while True:
                    if self._closing:
                        raise ConnectError("the transport is closed")
                    if self._slots_taken < self._limits.max_connections:
                        self._slots_taken += 1
                        connection = None
                    else:
                        queued = True
                        connection = await self._wait(loop)
                        queued = False
                    if connection is None:
                        connection = await self._open(loop)
                    elif not connection.clean:
                        connection.drop()
                        continue
                    return connection, int((loop.time() - started) / self._patience.tick)
        except TimeoutError:
            seconds = self._limits.connect_timeout
            if queued:
                raise PoolExhausted(f"no connection came free within {seconds} s") from None
            raise ConnectTimeout(f"not connected within {seconds} s") from None

    async def _wait(self, loop: asyncio.AbstractEventLoop) -> Connection | None:
        """Waits for a connection, or for the right to open one (None)."""
        turn: asyncio.Future[Connection | None] = loop.create_future()
        self._waiting[turn] = None
        try:
            return await turn
        except asyncio.CancelledError:
            self._waiting.pop(turn, None)
            if not turn.cancelled() and turn.exception() is None:
                given = turn.result()
                if given is None or given.open:
                    self._pass_on(given)
            raise

    async def _open(self, loop: asyncio.AbstractEventLoop) -> Connection:
        """Opens a connection; the caller has taken a slot for it."""
        connection = Connection(loop, self._limits, self._patience, self._pass_on, self._lose)
        try:
            await self._dialer.dial(connection)
            if not connection.open:
                raise ConnectError("the upstream closed the connection as soon as it was made")
        except BaseException:
            connection.drop()
            self._pass_on(None)
            raise
        self._connections.add(connection)
        if not self._ticking:
            self._ticking = True
            loop.call_later(self._patience.tick, self._tick, loop)
        return connection

    def _pass_on(self, connection: Connection | None) -> None:
        """Gives a free connection, or (None) the slot of one that is gone, to who waits longest, else keeps it."""
        while self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None:
            self._slots_taken -= 1
        elif self._closing:
            connection.drop()
        else:
            self._idle[connection] = None

    def _lose(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        self._idle.pop(connection, None)
        self._pass_on(None)
        if self._closing and not self._idle:
            self._emptied.set()

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        late = []
        for connection in self._connections:
            connection.silent += 1
            connection.age += 1
            if connection.silent > connection.patience or connection.age > connection.lifespan:
                late.append(connection)
        for connection in late:
            connection.expire()
        self._ticking = bool(self._connections)
        if self._ticking:
            loop.call_later(self._patience.tick, self._tick, loop)


async def _send_stream(
    connection: Connection, asked: asyncio.Future[Reply], body: AsyncIterator[bytes], length: int | None
) -> Reply:
    """Uploads and waits for the reply, whichever comes first; the upload has ended when this returns."""
    sending = asyncio.ensure_future(upload(connection, body, length))
    try:
        await asyncio.wait((asked, sending), return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            sending.result()
        return await asked
    except BaseException:
        _withdraw(connection, asked)
        raise
    finally:
        sending.cancel()
        await asyncio.wait((sending,))
        if not sending.cancelled():
            sending.exception()


def _withdraw(connection: Connection, asked: asyncio.Future[Reply]) -> None:
    """Ends an exchange that its caller has given up, wherever it stands.

    If the reply has come already, the connection may be in other hands: then only the reply knows.
    """
    if asked.done() and not asked.cancelled() and asked.exception() is None:
        asked.result().close()
    else:
        asked.cancel()
        connection.drop()
