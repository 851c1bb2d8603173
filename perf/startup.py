"""Prints what a start costs: commands from their begin to their end, and `lukhas serve` until `/readyz` says ready.

python -m perf.startup                 five starts of each, the middle one is printed
python -m perf.startup --rounds 1
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from perf.load import PLAIN, load
from perf.mock_upstream import mock_upstream
from perf.processes import cpu_seconds, memory_mb, tree
from perf.servers import GATEWAY, NotAnswering, Server, serving

COMMANDS = (("--help",), ("plugins",), ("check",))
LUKHAS = str(Path(sys.executable).with_name("lukhas"))
PATIENCE_SECONDS = 60.0
REQUESTS = 500
_READY = b'"status":"ready"'


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ran to its end: seconds on the clock, and seconds of CPU of all its processes."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway that is ready: seconds since its start, and of each role CPU until then and memory now and later."""

    seconds: float
    cpu_seconds: dict[str, float]
    memory_mb: dict[str, float]
    used_mb: dict[str, float]


def ran(arguments: Sequence[str], folder: Path) -> Ran:
    """Runs a command once. Errors: NotAnswering, where it fails."""
    before, begun = os.times(), time.monotonic()
    done = subprocess.run([LUKHAS, *arguments], cwd=folder, capture_output=True, check=False)
    seconds, after = time.monotonic() - begun, os.times()
    if done.returncode != 0:
        raise NotAnswering(done.stderr.decode(errors="replace"))
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Ran(seconds, cpu)


async def served(upstream: int, folder: Path) -> Served:
    """Starts a gateway, and sends it some requests once it is ready. Errors: NotAnswering."""
    begun = time.monotonic()
    async with serving("gateway", GATEWAY, upstream_port=upstream, folder=folder) as server:
        await asyncio.to_thread(_until_ready, server)
        seconds, cpu, memory = time.monotonic() - begun, _cpu(server), _memory(server)
        tally = await load(server.port, PLAIN, connections=8, requests=REQUESTS, limit=PATIENCE_SECONDS)
        if tally.failures:
            raise NotAnswering(f"A request failed: {tally.failures[0]}")
        return Served(seconds, cpu, memory, _memory(server))


def _until_ready(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/readyz") as answer:
            if _READY in answer.read():
                return
        time.sleep(0.01)
    raise NotAnswering("The gateway does not become ready.")


def _cpu(server: Server) -> dict[str, float]:
    processes = tree(server.pid)
    roles = {each.pid: each.role for each in processes}
    spent: dict[str, float] = {}
    for pid, seconds in cpu_seconds(processes).items():
        spent[roles[pid]] = spent.get(roles[pid], 0.0) + seconds
    return spent


def _memory(server: Server) -> dict[str, float]:
    processes = tree(server.pid)
    return {role: memory_mb(each for each in processes if each.role == role) for role in {p.role for p in processes}}


def lines(commands: dict[str, list[Ran]], starts: list[Served]) -> Iterator[str]:
    """Gives both tables; of several starts the middle figures."""
    yield from ("| start of | seconds | CPU seconds |", "|---|---|---|")
    for name, several in commands.items():
        seconds, cpu = (
            statistics.median(getattr(each, what) for each in several) for what in ("seconds", "cpu_seconds")
        )
        yield f"| `lukhas {name}` | {seconds:.2f} | {cpu:.2f} |"
    ready = statistics.median(each.seconds for each in starts)
    cpu = statistics.median(sum(each.cpu_seconds.values()) for each in starts)
    yield f"| `lukhas serve`, until ready | {ready:.2f} | {cpu:.2f} |"
    yield from (
        "",
        f"| process | CPU seconds until ready | PSS MB when ready | after {REQUESTS} requests |",
        "|---|---|---|---|",
    )
    for role in sorted(starts[0].cpu_seconds):
        cpu, memory, used = (
            statistics.median(getattr(each, what)[role] for each in starts)
            for what in ("cpu_seconds", "memory_mb", "used_mb")
        )
        yield f"| {role} | {cpu:.2f} | {memory:.0f} | {used:.0f} |"


async def _starts(rounds: int) -> list[Served]:
    found = []
    async with mock_upstream() as upstream:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="startup-") as folder:
                found.append(await served(upstream, Path(folder)))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m perf.startup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="starts of each")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="startup-") as folder:
            commands = {" ".join(each): [ran(each, Path(folder)) for _ in range(options.rounds)] for each in COMMANDS}
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            starts = runner.run(_starts(options.rounds))
    except NotAnswering as error:
        print(error, file=sys.stderr)
        return 1
    print(*lines(commands, starts), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
