"""Starts a server under measurement on a core of its own, waits until it answers, and stops it."""

import asyncio
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Set
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from perf.load import PLAIN, load

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = f"{shlex.quote(sys.executable)} -m perf.reference_proxy --port {{port}} --upstream {{upstream}}"
_SERVE = f"{shlex.quote(str(Path(sys.executable).with_name('lukhas')))} serve --port {{port}} --data {{data}}"
GATEWAY = f"{_SERVE} --upstream {{upstream}}"
GATEWAY_TLS = f"{_SERVE} --config {{data}}.yaml"
"""For an upstream over TLS: the settings beside the data say where it is, and which certificate to trust."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores the servers run on and which the load; both the same where there is one."""

    server: Set[int]
    load: Set[int]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; without a `pid` nothing is known of its CPU. It answered `ready` seconds after its start."""

    name: str
    port: int
    pid: int | None = None
    ready: float = 0.0


class NotAnswering(Exception):
    """The server did not come up or does not give the upstream's reply back."""


def cores() -> Cores:
    """The first core that we may use for the servers, the last for the load."""
    ours = sorted(os.sched_getaffinity(0))
    return Cores({ours[0]}, {ours[-1]})


@contextmanager
def pinned(to: Set[int]) -> Iterator[None]:
    """Keeps this thread on the given cores meanwhile."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, to)
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


@asynccontextmanager
async def serving(
    name: str, command: str, *, upstream_port: int, folder: Path, on: Cores | None = None, patience: float = 60.0
) -> AsyncIterator[Server]:
    """Runs `command` ({port}, {upstream}, {data} filled in), gives it once a request comes back whole, stops it.

    What it says goes to `folder/NAME.log`; its data to `folder/NAME`.
    """
    port = _free_port()
    upstream = f"http://127.0.0.1:{upstream_port}/v1"
    arguments = shlex.split(command.format(port=port, upstream=upstream, data=folder / name))
    log = folder / f"{name}.log"
    begun = time.monotonic()
    process = _start(arguments, log, on)
    try:
        await _until_answering(process, port, log, patience)
        yield Server(name, port, process.pid, time.monotonic() - begun)
    finally:
        await asyncio.to_thread(_stop, process)


def _start(arguments: list[str], log: Path, on: Cores | None) -> subprocess.Popen[bytes]:
    """Starts a process on the server's core: it inherits the affinity that we have at that moment."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("LUKHAS_", "OPENAI_", "FLAG_"))
    }
    with log.open("wb") as output, pinned(on.server if on else os.sched_getaffinity(0)):
        return subprocess.Popen(
            arguments, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )


async def _until_answering(process: subprocess.Popen[bytes], port: int, log: Path, patience: float) -> None:
    reason = "nothing yet"
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while loop.time() < end and process.poll() is None:
        tally = await load(port, PLAIN, connections=1, requests=1, limit=5.0)
        if not tally.failures:
            return
        reason = tally.failures[0]
        await asyncio.sleep(0.02)
    raise NotAnswering(f"The server does not give the upstream's reply back: {reason}. What it said:\n{_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
