"""Runs an office on a unix socket, in the test's own process and on the test's own loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.office.app import Office
from gateway.office.server import OfficeServer, bound


@asynccontextmanager
async def running_office(office: Office, path: Path) -> AsyncIterator[None]:
    """Serves the office at `path` until the end of the `with`."""
    listening = asyncio.Event()
    server = OfficeServer(office, listening.set, signals=False)
    task = asyncio.create_task(server.serve([bound(path)]))
    waiting = asyncio.create_task(listening.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        waiting.cancel()
        server.should_exit = True
        await task
