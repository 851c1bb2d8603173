"""Runs a gateway with two workers, started and stopped beside the loop on which clients and upstream go on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.builders.served import Served, served

ADMIN_KEY = "lk-admin-of-these-tests"
ENVIRON = {"LUKHAS_ADMIN_KEY": ADMIN_KEY}


@asynccontextmanager
async def gateway(
    folder: Path, upstream: str, *, url: str = "http://127.0.0.1:0", settings: str = ""
) -> AsyncIterator[Served]:
    """Serves before `upstream` (without /v1), at the port of `url`, over the records that are in `folder`."""
    arguments = ("--workers", "2", "--upstream", f"{upstream}/v1", "--port", url.rpartition(":")[2])
    running = served(folder, *arguments, settings=settings, environ=ENVIRON)
    started = await asyncio.to_thread(running.__enter__)
    try:
        yield started
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)
