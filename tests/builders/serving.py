"""Serves one function on a real socket by the gateway's protocol, without a gateway behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from uvicorn.server import ServerState

from gateway.server.protocol import Front, GatewayProtocol
from gateway.server.request import Limits
from gateway.worker import no_asgi

SHORT = Limits(
    max_header_bytes=2048, max_message_bytes=1 << 20, header_timeout=0.2, body_timeout=0.2, write_timeout=0.2
)
PATIENT = Limits(max_header_bytes=2048, max_message_bytes=1 << 20, header_timeout=9, body_timeout=9, write_timeout=9)


class Serving:
    """A listening protocol: its address, and the connections and tasks that it has."""

    def __init__(self, port: int, state: ServerState) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._state = state

    @property
    def connections(self) -> list[GatewayProtocol]:
        """The connections that are open."""
        return [each for each in self._state.connections if isinstance(each, GatewayProtocol)]

    @property
    def tasks(self) -> int:
        """How many requests are on their way."""
        return len(self._state.tasks)

    async def emptied(self) -> None:
        """Waits until no connection is left."""
        await self.holds(0)

    async def holds(self, count: int) -> None:
        """Waits until there are so many connections."""
        async with asyncio.timeout(5):
            while len(self._state.connections) != count:  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(front: Front, limits: Limits = PATIENT, *, keep_alive: int = 9) -> AsyncIterator[Serving]:
    """Answers each request by `front`."""
    loop = asyncio.get_running_loop()
    config = uvicorn.Config(no_asgi, lifespan="off", log_config=None, timeout_keep_alive=keep_alive)
    state = ServerState()

    def connected() -> GatewayProtocol:
        return GatewayProtocol(config, state, {}, loop, front=front, websockets=_no_websocket, limits=limits)

    server = await loop.create_server(connected, "127.0.0.1", 0)
    try:
        yield Serving(server.sockets[0].getsockname()[1], state)
    finally:
        server.close()
        for task in list(state.tasks):
            task.cancel()
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


async def _no_websocket(offer: object) -> None:
    raise AssertionError("nobody asked for a websocket")
