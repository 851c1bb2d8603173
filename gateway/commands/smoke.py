"""`lukhas smoke`: starts a gateway in this process for a moment, and measures what there is of it."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import msgspec

from gateway.app import Gateway
from gateway.commands.office_connection import UnixConnection
from gateway.commands.options import common, json_option, settings_in_force
from gateway.commands.printing import print_json
from gateway.office.app import Office
from gateway.office.server import OfficeServer, bound
from gateway.serving import Serving
from gateway.settings import Loaded
from gateway.transport import OutgoingRequest
from gateway.transport.limits import Limits
from gateway.transport.pool import ConnectionPool
from gateway.worker import Worker

NOT_BUILT = ("signal_bus", "offline_governance")
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
    storage = msgspec.structs.replace(loaded.settings.storage, data=str(folder))
    apart = msgspec.structs.replace(loaded, settings=msgspec.structs.replace(loaded.settings, storage=storage))
    office = Office(apart, os.environ, lambda *_: None, folder / "accepted")
    health_ms = asyncio.run(_health_ms(apart))
    feedback_ms = asyncio.run(_feedback_health_ms(office, folder))
    paths = len(office.app.openapi_schema.paths or {})
    ok = health_ms is not None and feedback_ms is not None and paths > 0
    return Smoke(ok, Timings(_import_ms(), health_ms, feedback_ms), Routes(paths))


def _import_ms() -> float:
    """Imports the application in a fresh process."""
    done = subprocess.run([sys.executable, "-P", "-c", _IMPORT], capture_output=True, check=True)  # noqa: S603
    return round(float(done.stdout), 1)


async def _health_ms(loaded: Loaded) -> float | None:
    """Starts a worker on a free port and asks for /readyz; None where it does not say that all is well."""
    listener = socket.create_server(("127.0.0.1", 0))
    started = asyncio.Event()
    worker = Worker(Gateway(loaded, "smoke", os.environ), started.set)
    async with _running(worker, listener, started) as is_up:
        return await _asked(listener.getsockname()[1]) if is_up else None


async def _feedback_health_ms(office: Office, folder: Path) -> float | None:
    """Starts an office and asks for /feedback/health as its operator; None where it does not say that all is well."""
    started = asyncio.Event()
    operator = folder / "operator.sock"
    server = OfficeServer(office, started.set, signals=False, operator=bound(operator))
    async with _running(server, bound(folder / "office.sock"), started) as is_up:
        return await asyncio.to_thread(_asked_operator, operator) if is_up else None


@asynccontextmanager
async def _running(server: Serving, listener: socket.socket, started: asyncio.Event) -> AsyncIterator[bool]:
    """Runs a server until the end of the `with`; says whether it is up."""
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


def _asked_operator(path: Path) -> float | None:
    connection = UnixConnection(path)
    began = perf_counter()
    connection.request("GET", "/feedback/health")
    reply = connection.getresponse()
    body = reply.read()
    took = (perf_counter() - began) * 1000
    connection.close()
    return round(took, 2) if reply.status == 200 and b'"ok":true' in body else None


async def _asked(port: int) -> float | None:
    pool = ConnectionPool(f"http://127.0.0.1:{port}", Limits())
    began = perf_counter()
    reply = await pool.send(OutgoingRequest(b"GET", b"/readyz", ((b"Host", b"localhost"),)))
    body = await reply.read(1 << 16)
    took = (perf_counter() - began) * 1000
    reply.close()
    await pool.aclose()
    return round(took, 2) if reply.status == 200 and b'"ready"' in body else None
