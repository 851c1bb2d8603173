"""`lukhas smoke`: starts a gateway in this process for a moment, and measures what there is of it."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import msgspec

from gateway.app import Gateway
from gateway.commands.options import common, json_option, settings_in_force
from gateway.commands.printing import print_json
from gateway.office.app import Office
from gateway.settings import Loaded
from gateway.transport import OutgoingRequest
from gateway.transport.limits import Limits
from gateway.transport.pool import ConnectionPool
from gateway.worker import Worker

NOT_BUILT = ("signal_bus", "offline_governance", "feedback")
_IMPORT = "import time; began = time.perf_counter(); import gateway.app; print((time.perf_counter() - began) * 1000)"


class Timings(msgspec.Struct, frozen=True):
    """Milliseconds; None for what is not built."""

    import_app_ms: float
    health_ms: float | None
    feedback_health_ms: float | None = None


class Routes(msgspec.Struct, frozen=True):
    """How many paths of our own there are."""

    count: int


class Smoke(msgspec.Struct, frozen=True):
    """What was found; `ok` speaks of what is built alone."""

    ok: bool
    timings: Timings
    routes: Routes
    signal_bus: Any = None
    offline_governance: Any = None
    not_built: tuple[str, ...] = NOT_BUILT


@click.command("smoke")
@common
@json_option
def command(config: str | None, data: str | None, as_json: bool) -> None:
    """Starts a gateway briefly, and measures it.

    Prints JSON; what is not built yet is null and named. Exit code 1 if something that is built does not work.

    \b
    Example:
      lukhas smoke
    """
    loaded = settings_in_force(config, data)
    with tempfile.TemporaryDirectory(prefix="lukhas-smoke-") as folder:
        found = _found(loaded, Path(folder))
    print_json(found)
    if not found.ok:
        raise SystemExit(1)


def _found(loaded: Loaded, folder: Path) -> Smoke:
    office = Office(loaded, os.environ, lambda *_: None, folder / "accepted")
    storage = msgspec.structs.replace(loaded.settings.storage, data=str(folder))
    apart = msgspec.structs.replace(loaded, settings=msgspec.structs.replace(loaded.settings, storage=storage))
    health_ms = asyncio.run(_health_ms(apart))
    paths = len(office.app.openapi_schema.paths or {})
    return Smoke(health_ms is not None and paths > 0, Timings(_import_ms(), health_ms), Routes(paths))


def _import_ms() -> float:
    """Imports the application in a fresh process."""
    done = subprocess.run([sys.executable, "-P", "-c", _IMPORT], capture_output=True, check=True)  # noqa: S603
    return round(float(done.stdout), 1)


async def _health_ms(loaded: Loaded) -> float | None:
    """Starts a worker on a free port and asks for /readyz; None where it does not say that all is well."""
    listener = socket.create_server(("127.0.0.1", 0))
    started = asyncio.Event()
    worker = Worker(Gateway(loaded, "smoke", os.environ), started.set)
    serving = asyncio.create_task(worker.serve([listener]))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
    try:
        return await _asked(listener.getsockname()[1]) if started.is_set() else None
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        worker.should_exit = True
        await serving


async def _asked(port: int) -> float | None:
    pool = ConnectionPool(f"http://127.0.0.1:{port}", Limits())
    began = perf_counter()
    reply = await pool.send(OutgoingRequest(b"GET", b"/readyz", ((b"Host", b"localhost"),)))
    body = await reply.read(1 << 16)
    took = (perf_counter() - began) * 1000
    reply.close()
    await pool.aclose()
    return round(took, 2) if reply.status == 200 and b'"ready"' in body else None
