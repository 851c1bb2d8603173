"""Asks three times what a gateway can carry for a minute, and says what became of it and when all was as before.

    python -m perf.overload
    python -m perf.overload --seconds 10 --times 5

Rated is what one worker carries for 32 connections that ask as soon as they are answered. Requests of the overload
come at fixed moments under many credentials, whatever became of those before, on at most 1000 connections: where none
of them is free, nobody asks. Whoever is refused does not ask again. Exit status 1 where a request came to nothing
(neither answered nor refused), nobody was carried, health was not told, or the gateway took longer than five seconds to
be as before.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import NamedTuple

import httpx
import uvloop

from perf.load import PLAIN, load, quantile, wire
from perf.paced import Connection, Unanswered
from perf.servers import GATEWAY, ROOT, cores, pinned, serving

CREDENTIALS = 64
CALM_SECONDS = 8.0
CALM_SHARE = 0.3
WINDOW_SECONDS = 0.5
AS_BEFORE = 3.0
"""A window is as before when its median is below so many times the p95 of the calm, and nobody was refused."""
RECOVERY_SECONDS = 15.0
MOST_RECOVERY = 5.0
MOST_CONNECTIONS = 1000
PATIENCE = 60.0
HEALTH_SECONDS = 0.5


class Asked(NamedTuple):
    """One request: when it was sent, in seconds since its phase began, its status (0: none came), and what it took."""

    at: float
    status: int
    took: float


@dataclass(frozen=True, slots=True)
class Phase:
    """What became of the requests of one phase, and how long each question about health took."""

    name: str
    seconds: float
    asked: Sequence[Asked]
    health: Sequence[float]

    def share(self, *statuses: int) -> float:
        """The share of the requests that ended with one of these."""
        return sum(each.status in statuses for each in self.asked) / max(1, len(self.asked))

    def took(self, *statuses: int) -> list[float]:
        """How long those took that ended with one of these."""
        return [each.took for each in self.asked if each.status in statuses]


async def phase(name: str, port: int, a_second: float, seconds: float) -> Phase:
    """Asks so often a second; the last answer is waited for."""
    loop = asyncio.get_running_loop()
    requests = [wire(port, PLAIN, f"sk-overload-{number}") for number in range(CREDENTIALS)]
    idle: list[Connection] = []
    asked: list[Asked] = []
    begun = perf_counter()

    opened = 0
    reasons: Counter[str] = Counter()

    async def one(number: int) -> None:
        nonlocal opened
        at = perf_counter()
        status = 0
        try:
            async with asyncio.timeout(PATIENCE):
                if idle:
                    connection = idle.pop()
                elif opened < MOST_CONNECTIONS:
                    opened += 1
                    connection = (await loop.create_connection(Connection, "127.0.0.1", port))[1]
                else:
                    return
                status, body = await connection.ask(requests[number % CREDENTIALS])
                if status == 200 and body != PLAIN.answer:
                    status = 0
                idle.append(connection)
        except (OSError, Unanswered) as error:
            reasons[f"{type(error).__name__}: {error}"] += 1
            status = 0
        asked.append(Asked(at - begun, status, perf_counter() - at))

    health: list[float] = []
    over = Event()
    probe = loop.run_in_executor(None, _health, port, health, over)
    async with asyncio.TaskGroup() as group:
        sent = 0
        while (now := perf_counter() - begun) < seconds:
            # Several moments may have gone by while the loop was at something else.
            while sent < now * a_second:
                group.create_task(one(sent))
                sent += 1
            await asyncio.sleep(max(0.0, sent / a_second - now))
    over.set()
    await probe
    for connection in idle:
        connection.transport.close()
    reasons.update(f"status {each.status}" for each in asked if each.status not in (0, 200, 429, 503))
    for reason, count in reasons.most_common(3):
        print(f"{name}: {count} x {reason}", file=sys.stderr)
    return Phase(name, seconds, asked, health)


def _health(port: int, took: list[float], over: Event) -> None:
    """Asks for health over and over, each time on a new connection, in a thread that no late loop keeps waiting."""
    while not over.wait(HEALTH_SECONDS):
        begun = perf_counter()
        try:
            ok = httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE).status_code == 200
        except httpx.HTTPError:
            ok = False
        took.append(perf_counter() - begun if ok else PATIENCE)


def recovered(calm: Phase, after: Phase) -> float | None:
    """Gives the seconds after which each window was as in the calm; None where the last one was not."""
    usual = AS_BEFORE * quantile(calm.took(200), 0.95)
    windows = [after.asked[:0]] * int(after.seconds / WINDOW_SECONDS)
    for number in range(len(windows)):
        windows[number] = [each for each in after.asked if int(each.at / WINDOW_SECONDS) == number]
    slow = [
        number
        for number, window in enumerate(windows)
        if quantile([each.took for each in window], 0.5) > usual or any(each.status != 200 for each in window)
    ]
    if slow and slow[-1] == len(windows) - 1:
        return None
    return (slow[-1] + 1) * WINDOW_SECONDS if slow else 0.0


def table(phases: Sequence[Phase]) -> str:
    """The figures as Markdown."""
    lines = [
        "| phase | asked a second | answered | 429 | 503 | came to nothing | answered: p50 ms | p99 ms "
        "| refused: p50 ms | p99 ms | health: longest ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for each in phases:
        statuses = Counter(asked.status for asked in each.asked)
        nothing = len(each.asked) - statuses[200] - statuses[429] - statuses[503]
        good, refused = each.took(200), each.took(429, 503)
        lines.append(
            f"| {each.name} | {len(each.asked) / each.seconds:.0f} | {statuses[200]} | {statuses[429]} "
            f"| {statuses[503]} | {nothing} | {quantile(good, 0.5) * 1e3:.1f} | {quantile(good, 0.99) * 1e3:.1f} "
            f"| {quantile(refused, 0.5) * 1e3:.1f} | {quantile(refused, 0.99) * 1e3:.1f} "
            f"| {max(each.health, default=0.0) * 1e3:.0f} |"
        )
    return "\n".join(lines)


@asynccontextmanager
async def _upstream() -> AsyncIterator[int]:
    """A mock in a process of its own, which this one's overload does not keep from answering; gives its port."""
    command = (sys.executable, "-m", "perf.mock_upstream")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


async def measured(times: float, seconds: float, command: str) -> tuple[float, list[Phase]]:
    """Gives the rated load, a second, and the phases: calm, overload, afterwards."""
    on = cores()
    with tempfile.TemporaryDirectory(prefix="overload-") as text, pinned(on.load):
        folder = Path(text)
        async with (
            _upstream() as upstream,
            serving("gateway", command, upstream_port=upstream, folder=folder, on=on) as server,
        ):
            await load(server.port, PLAIN, connections=32, requests=2000)
            tally = await load(server.port, PLAIN, connections=32, requests=8000)
            if tally.failures:
                raise Unanswered(tally.failures[0])
            rated = tally.good / tally.seconds
            phases = [
                await phase("calm", server.port, rated * CALM_SHARE, CALM_SECONDS),
                await phase(f"{times:g} times the rated load", server.port, rated * times, seconds),
                await phase("afterwards", server.port, rated * CALM_SHARE, RECOVERY_SECONDS),
            ]
    return rated, phases


def faults(phases: Sequence[Phase]) -> list[str]:
    """Says what was not as it should be."""
    calm, overload, after = phases
    found = []
    if any(each.share(200, 429, 503) < 1 for each in phases):
        found.append("requests came to nothing")
    if overload.share(200) == 0:
        found.append("nobody was carried in the overload")
    if not overload.health or max(overload.health) >= PATIENCE:
        found.append("health was not told in the overload")
    seconds = recovered(calm, after)
    if seconds is None or seconds > MOST_RECOVERY:
        found.append("the gateway was not as before in time")
    return found


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the overload is")
    parser.add_argument("--times", type=float, default=3.0, help="how many times the rated load it is")
    parser.add_argument("--gateway", default=GATEWAY, help="the command that serves, with {port}, {upstream}, {data}")
    options = parser.parse_args()
    rated, phases = uvloop.run(measured(options.times, options.seconds, options.gateway))
    print(f"Rated: {rated:.0f} requests a second.\n\n{table(phases)}\n")
    seconds = recovered(phases[0], phases[-1])
    print("Not as before at the end." if seconds is None else f"As before after {seconds:g} s.")
    found = faults(phases)
    print("; ".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
