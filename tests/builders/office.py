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
    async with running_server(OfficeServer(office, signals=False), path):
        yield


@asynccontextmanager
async def running_server(server: OfficeServer, path: Path) -> AsyncIterator[None]:
    """Runs a server of an office at `path` until the end of the `with`."""
    task = asyncio.create_task(server.serve([bound(path)]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        await task
