"""Runs a server in this process for a moment, for commands that look at what it does."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from gateway.serving import Serving


@asynccontextmanager
async def running(server: Serving, listener: socket.socket, started: asyncio.Event) -> AsyncIterator[bool]:
    """Runs a server until the end of the `with`; says whether it is up. `started` is what the server sets."""
    serving = asyncio.create_task(server.serve([listener]))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
    try:
        yield started.is_set()
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        server.should_exit = True
        await serving
