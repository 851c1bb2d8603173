"""`lukhas smoke`: starts a gateway in this process for a moment, and measures what there is of it."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import click
import msgspec

from gateway.app import Gateway
from gateway.commands.bus_trial import BusTried, tried_bus
from gateway.commands.office_connection import UnixConnection
from gateway.commands.offline_governance import OfflineGovernance, governs, offline_governance
from gateway.commands.options import common, json_option, settings_in_force
from gateway.commands.printing import print_json
from gateway.commands.running import running
from gateway.office.app import Office
from gateway.office.server import OfficeServer, bound
from gateway.settings import Loaded
from gateway.transport import OutgoingRequest
from gateway.transport.limits import Limits
from gateway.transport.pool import ConnectionPool
from gateway.worker import Worker

NOT_BUILT: tuple[str, ...] = ()
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
    """What was found; `ok` speaks of what is built alone, and of governing where the chain governs tools."""

    ok: bool
    timings: Timings
    routes: Routes
    signal_bus: BusTried
    offline_governance: OfflineGovernance | None = None
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
    governed = offline_governance(loaded, folder / "governed") if governs(loaded) else None
    paths = len(office.app.openapi_schema.paths or {})
    bus = tried_bus()
    ok = health_ms is not None and feedback_ms is not None and paths > 0 and bus.ok
    ok = ok and (governed is None or (governed.incidents == 1 and governed.tightened))
    return Smoke(ok, Timings(_import_ms(), health_ms, feedback_ms), Routes(paths), bus, governed)


def _import_ms() -> float:
    """Imports the application in a fresh process."""
    done = subprocess.run([sys.executable, "-P", "-c", _IMPORT], capture_output=True, check=True)  # noqa: S603
    return round(float(done.stdout), 1)


async def _health_ms(loaded: Loaded) -> float | None:
    """Starts a worker on a free port and asks for /readyz; None where it does not say that all is well."""
    listener = socket.create_server(("127.0.0.1", 0))
    started = asyncio.Event()
    worker = Worker(Gateway(loaded, "smoke", os.environ), started.set)
    async with running(worker, listener, started) as is_up:
        return await _asked(listener.getsockname()[1]) if is_up else None


async def _feedback_health_ms(office: Office, folder: Path) -> float | None:
    """Starts an office and asks for /feedback/health as its operator; None where it does not say that all is well."""
    started = asyncio.Event()
    operator = folder / "operator.sock"
    server = OfficeServer(office, started.set, signals=False, operator=bound(operator))
    async with running(server, bound(folder / "office.sock"), started) as is_up:
        return await asyncio.to_thread(_asked_operator, operator) if is_up else None


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
