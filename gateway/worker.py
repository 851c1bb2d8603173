"""Runs one gateway worker: uvicorn's server with our protocol, the gateway behind it."""

import asyncio
import functools
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from gateway.app import Gateway
from gateway.server.protocol import GatewayProtocol, Limits
from gateway.settings import Settings

SECONDS_TO_RECORD = 2.0


class Worker(uvicorn.Server):
    """A server whose start and stop are the gateway's; `started` is called once it listens."""

    def __init__(self, gateway: Gateway, started: Callable[[], None] = lambda: None) -> None:
        super().__init__(configured(gateway))
        self._gateway = gateway
        self._tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the gateway, then listens. Errors: LoadError, JournalError."""
        await self._gateway.start()
        await super().startup(sockets)
        self._tell_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets exchanges end within the drain timeout, records the rest as stopped, and lets go."""
        await super().shutdown(sockets)
        # uvicorn cancels what has not ended and does not look back; each of them still writes its record.
        left = set(self.server_state.tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=SECONDS_TO_RECORD)
        await self._gateway.stop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drains at the first signal, and stops at once at the second; uvicorn would raise them again at its end."""
        self.force_exit = self.should_exit
        self.should_exit = True


async def no_asgi(scope: object, receive: object, send: object) -> None:
    """Stands where uvicorn wants an application; every request goes to the front instead."""


def configured(gateway: Gateway) -> uvicorn.Config:
    """Gives uvicorn's configuration for a gateway."""
    server = gateway.settings.server
    return uvicorn.Config(
        no_asgi,
        host=server.host,
        port=server.port,
        loop="uvloop",
        http=functools.partial(  # type: ignore[arg-type]
            GatewayProtocol,
            front=gateway.front,  # type: ignore[arg-type]
            websockets=gateway.websockets,
            limits=connection_limits(gateway.settings),
        ),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        backlog=4096,
        timeout_keep_alive=int(server.keep_alive_timeout),
        timeout_graceful_shutdown=int(server.drain_timeout),
    )


def connection_limits(settings: Settings) -> Limits:
    """Gives what one connection may ask of us."""
    server = settings.server
    return Limits(
        server.max_header_bytes,
        server.max_message_bytes,
        server.header_timeout,
        server.body_timeout,
        server.write_timeout,
    )
