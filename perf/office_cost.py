"""Prints how much later proxied requests are answered while the office works: p99 beside a heavy query and an ingest.

    python -m perf.office_cost                        five rounds of 10 s for each kind of work; four minutes
    python -m perf.office_cost --rounds 2 --seconds 5

The kinds of work take turns, so that what else the machine does meets all of them. Requests come at fixed moments, 50
a second; the query is a cross join that runs as long as its window; the ingest is of 200 000 lines that another writer
left in the journal.
"""

import argparse
import asyncio
import os
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from time import perf_counter

import httpx
import msgspec
import uvloop

from perf.load import PLAIN, quantile
from perf.mock_upstream import mock_upstream
from perf.paced import paced
from perf.processes import Process, busy_seconds, cpu_seconds, tree
from perf.servers import GATEWAY, Server, serving
from perf.warehouse_cost import events

A_SECOND = 50
LINES = 200_000
ADMIN_KEY = "lk-admin-of-this-measurement"
COMMAND = f"env LUKHAS_ADMIN_KEY={ADMIN_KEY} {GATEWAY}"
QUERY = (
    "SELECT count(*) FROM exchanges AS a CROSS JOIN exchanges AS b CROSS JOIN exchanges AS c "
    "WHERE (a.total_ms * b.total_ms * c.total_ms)::BIGINT % 7 = 3"
)
WORK: Mapping[str, tuple[bool, bool]] = {
    "nothing else": (False, False),
    "a query": (True, False),
    "an ingest": (False, True),
    "both": (True, True),
}
"""Each kind of work: whether there is a query, whether there is an ingest."""


@dataclass(slots=True)
class Found:
    """What the windows of one kind of work gave: seconds of each request, and cores that were busy meanwhile."""

    requests: list[float] = field(default_factory=list)
    office: list[float] = field(default_factory=list)
    foreign: list[float] = field(default_factory=list)


class Journal:
    """Lines that other writers left; each time under the name of another writer, and all at once."""

    def __init__(self, data: Path, folder: Path) -> None:
        self._data = data
        self._lines = folder / "lines.jsonl"
        self._numbers = count()
        with self._lines.open("wb") as file:
            for event in islice(events(LINES, random.Random(1)), LINES):
                file.write(msgspec.json.encode(event) + b"\n")

    def leave(self) -> None:
        """Leaves the lines for the office to find."""
        number = next(self._numbers)
        fresh = self._lines.with_name(f"writer-{number}")
        fresh.mkdir()
        os.link(self._lines, fresh / "00000001.jsonl")
        fresh.rename(self._data / "journal" / f"elsewhere-{number}")


async def measured(rounds: int, seconds: float, command: str) -> dict[str, Found]:
    """Measures each kind of work in turns."""
    found = {name: Found() for name in WORK}
    with tempfile.TemporaryDirectory(prefix="office-cost-") as text:
        folder = Path(text)
        async with (
            mock_upstream() as upstream,
            serving("gateway", command, upstream_port=upstream, folder=folder) as server,
        ):
            journal = Journal(folder / "gateway", folder)
            journal.leave()
            await _taken_in(server, LINES // 4)
            for _ in range(rounds):
                for name, (query, ingest) in WORK.items():
                    if ingest:
                        journal.leave()
                    await _window(server, found[name], seconds, query=query)
                    await _at_rest(server)
    return found


async def _window(server: Server, found: Found, seconds: float, *, query: bool) -> None:
    processes = tree(server.pid)
    spent, busy, begun = cpu_seconds(processes), busy_seconds(), perf_counter()
    own = sum(os.times()[:2])
    asking = asyncio.create_task(_ask(server, QUERY, seconds)) if query else None
    took = await paced(server.port, PLAIN, a_second=A_SECOND, seconds=seconds)
    elapsed = perf_counter() - begun
    after = cpu_seconds(processes)
    ours = sum(after.values()) - sum(spent.values()) + sum(os.times()[:2]) - own
    foreign = busy_seconds() - busy - ours
    if asking is not None:
        await asking
    found.requests += took
    found.office.append(_spent(processes, spent, after) / elapsed)
    found.foreign.append(foreign / elapsed)


def _spent(processes: Sequence[Process], before: dict[int, float], after: dict[int, float]) -> float:
    return sum(after.get(each.pid, 0.0) - before.get(each.pid, 0.0) for each in processes if each.role == "office")


async def _ask(server: Server, sql: str, seconds: float) -> httpx.Response:
    """Asks the office; a statement that takes longer than `seconds` is refused at their end."""
    url = f"http://127.0.0.1:{server.port}/sql"
    async with httpx.AsyncClient(timeout=seconds + 60, headers={"x-api-key": ADMIN_KEY}) as client:
        return await client.post(url, json={"sql": sql, "seconds": seconds})


async def _taken_in(server: Server, exchanges: int) -> None:
    """Waits until there are so many exchanges to ask about."""
    there = 0
    while there < exchanges:
        await asyncio.sleep(0.5)
        reply = await _ask(server, "SELECT count(*) FROM exchanges", 10)
        reply.raise_for_status()
        [[there]] = reply.json()["rows"]


async def _at_rest(server: Server) -> None:
    """Waits until the office has taken in what there is."""
    office = [each for each in tree(server.pid) if each.role == "office"]
    while True:
        before = cpu_seconds(office)
        await asyncio.sleep(0.5)
        if _spent(office, before, cpu_seconds(office)) < 0.1:
            return


def table(found: Mapping[str, Found]) -> str:
    """The figures as Markdown."""
    alone = quantile(found["nothing else"].requests, 0.99)
    lines = [
        "| the office works at | requests | p50 ms | p95 ms | p99 ms | added to the p99 | longest ms | office, cores "
        "| foreign, cores |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, each in found.items():
        p50, p95, p99, longest = (quantile(each.requests, share) * 1e3 for share in (0.5, 0.95, 0.99, 1.0))
        office, foreign = (sum(cores) / len(cores) for cores in (each.office, each.foreign))
        lines.append(
            f"| {name} | {len(each.requests)} | {p50:.2f} | {p95:.2f} | {p99:.2f} | {p99 - alone * 1e3:+.2f} "
            f"| {longest:.1f} | {office:.2f} | {foreign:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--gateway", default=COMMAND, help="the command that serves, with {port}, {upstream}, {data}")
    options = parser.parse_args()
    print(table(uvloop.run(measured(options.rounds, options.seconds, options.gateway))))


if __name__ == "__main__":
    main()
