"""Runs one gateway worker: uvicorn's server with our protocol, the gateway behind it."""

import asyncio
import functools
import socket
from collections.abc import Callable

import uvicorn

from gateway.app import Gateway
from gateway.server.accepting import Acceptor
from gateway.server.protocol import GatewayProtocol
from gateway.server.request import Limits
from gateway.server.room import files_for_clients, files_for_operators, open_files
from gateway.serving import Serving
from gateway.settings import Settings
from gateway.websocket.front import none_here


class Worker(Serving):
    """A server whose start and stop are the gateway's; `admin` is a listening socket for what is not /v1."""

    def __init__(
        self, gateway: Gateway, started: Callable[[], None] = lambda: None, admin: socket.socket | None = None
    ) -> None:
        super().__init__(configured(gateway), started)
        self._gateway = gateway
        self._admin = admin
        self._admin_limits = connection_limits(gateway.settings, files_for_operators(open_files()))
        self._acceptors: list[Acceptor] = []

    async def begin(self) -> None:
        """Starts the gateway. Errors: LoadError, JournalError."""
        await self._gateway.start()

    async def listen(self, sockets: list[socket.socket] | None) -> None:
        """Listens at its addresses. Errors: OSError."""
        await super().listen([] if sockets else sockets)
        listening = [(each, self._protocol) for each in sockets or ()]
        if self._admin is not None:
            listening.append((self._admin, self._admin_protocol))
        self._acceptors = [Acceptor(each, protocol) for each, protocol in listening]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops listening, lets exchanges end within the drain timeout, records the rest as stopped, and lets go."""
        for each in self._acceptors:
            each.close()
            # Who was taken a moment ago is told of the end with all others.
            await each.wait_closed()
        await super().shutdown([*(sockets or ()), *([self._admin] if self._admin else ())])

    async def end(self) -> None:
        """Stops the gateway."""
        await self._gateway.stop()

    def _protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state={}
        )
        return protocol

    def _admin_protocol(self) -> GatewayProtocol:
        return GatewayProtocol(
            self.config,
            self.server_state,
            {},
            front=self._gateway.admin_front,
            websockets=none_here,
            limits=self._admin_limits,
        )


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
            front=gateway.front,
            websockets=gateway.websockets,
            limits=connection_limits(
                gateway.settings, files_for_clients(open_files(), gateway.settings.upstream.max_connections)
            ),
        ),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        backlog=4096,
        timeout_keep_alive=int(server.keep_alive_timeout),
        timeout_graceful_shutdown=server.drain_timeout,  # type: ignore[arg-type]
    )


def connection_limits(settings: Settings, files: int) -> Limits:
    """Gives what one connection may ask of us; `files` is how many of our open files its kind may take."""
    server = settings.server
    return Limits(
        server.max_header_bytes,
        server.max_message_bytes,
        server.header_timeout,
        server.body_timeout,
        server.write_timeout,
        files,
    )
