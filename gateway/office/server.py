"""Serves the office on a unix socket for the workers, and on another one for the operator."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from litestar.types import ASGIApp

from gateway.office.app import Office
from gateway.office.operator import as_operator
from gateway.serving import Serving

SECONDS_TO_DRAIN = 5


class OfficeServer(Serving):
    """A server whose start and stop are the office's; `operator` is a listening socket where no key is asked for."""

    def __init__(
        self,
        office: Office,
        started: Callable[[], None] = lambda: None,
        *,
        signals: bool = True,
        operator: socket.socket | None = None,
    ) -> None:
        super().__init__(configured(office.app), started, signals=signals)
        self._office = office
        self._operator = operator
        self._operator_config = configured(as_operator(office.app))

    async def begin(self) -> None:
        """Starts the office. Errors: LoadError."""
        await self._office.start()

    async def listen(self, sockets: list[socket.socket] | None) -> None:
        """Listens at both sockets. Errors: OSError."""
        await super().listen(sockets)
        if self._operator is not None:
            self._operator_config.load()
            loop = asyncio.get_running_loop()
            self.servers.append(await loop.create_server(self._operator_protocol, sock=self._operator))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops listening, lets requests end, and lets go."""
        await super().shutdown([*(sockets or ()), *([self._operator] if self._operator else ())])

    async def end(self) -> None:
        """Stops the office."""
        await self._office.stop()

    def _operator_protocol(self) -> asyncio.Protocol:
        config = self._operator_config
        protocol: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]
            config=config, server_state=self.server_state, app_state={}
        )
        return protocol


def configured(app: ASGIApp) -> uvicorn.Config:
    """Gives uvicorn's configuration for the office's application."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        # The workers' connections are their pools': the address that counts stands in X-Forwarded-For.
        proxy_headers=False,
        timeout_graceful_shutdown=SECONDS_TO_DRAIN,
    )


def bound(path: Path) -> socket.socket:
    """Gives a socket at `path` that nobody but this user can open."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    return listener
