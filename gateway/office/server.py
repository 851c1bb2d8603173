"""Serves the office on a unix socket."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from gateway.office.app import Office
from gateway.serving import Serving

SECONDS_TO_DRAIN = 5


class OfficeServer(Serving):
    """A server whose start and stop are the office's."""

    def __init__(self, office: Office, started: Callable[[], None] = lambda: None, *, signals: bool = True) -> None:
        super().__init__(configured(office), started, signals=signals)
        self._office = office

    async def begin(self) -> None:
        """Starts the office. Errors: LoadError."""
        await self._office.start()

    async def end(self) -> None:
        """Stops the office."""
        await self._office.stop()


def configured(office: Office) -> uvicorn.Config:
    """Gives uvicorn's configuration for an office."""
    return uvicorn.Config(
        office.app,
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
