"""One measured window: a load on a server, and the CPU, memory and time that it took.

A window in which a request failed, or a worker came or went, says so in `void` and its figures count for nothing.
"""

import asyncio
import time
from dataclasses import dataclass

from perf.load import Question, Tally, load, quantile
from perf.processes import Process, Role, busy_seconds, cpu_seconds, memory_mb, tree
from perf.servers import Server

_SETTLE_STEP = 0.1
_SETTLE_LIMIT = 3.0


@dataclass(frozen=True, slots=True)
class Window:
    """What one load cost; CPU in microseconds, times in milliseconds.

    `units` are what the cost is divided by: requests, or for streams their events. `serving` is the CPU of the workers
    and their supervisor, `office` that of the office until it came to rest, `foreign` the share of one core that other
    programs took meanwhile.
    """

    server: str
    question: str
    connections: int
    requests: int
    units: int
    serving_us: float
    office_us: float
    units_per_second: float
    first_byte_p50_ms: float
    first_byte_p99_ms: float
    total_p50_ms: float
    total_p99_ms: float
    memory_mb: float
    foreign: float
    void: str = ""


async def window(server: Server, question: Question, *, connections: int, requests: int) -> Window:
    """Drives one load and reads the clocks around it."""
    before = tree(server.pid)
    spent_before, busy, own, begun = cpu_seconds(before), busy_seconds(), time.process_time(), time.monotonic()
    tally = await load(server.port, question, connections=connections, requests=requests)
    after = tree(server.pid)
    spent_after = cpu_seconds(after)
    elapsed = time.monotonic() - begun
    foreign = busy_seconds() - busy - (time.process_time() - own) - _spent(after, spent_before, spent_after)
    await _at_rest(after)
    spent_at_rest = cpu_seconds(after)
    units = max(1, tally.good * max(1, question.events))
    return Window(
        server=server.name,
        question=question.name,
        connections=connections,
        requests=tally.good,
        units=units,
        serving_us=_spent(after, spent_before, spent_after, "worker", "supervisor") / units * 1e6,
        office_us=_spent(after, spent_before, spent_at_rest, "office") / units * 1e6,
        units_per_second=units / tally.seconds,
        first_byte_p50_ms=quantile(tally.first_bytes, 0.5) * 1e3,
        first_byte_p99_ms=quantile(tally.first_bytes, 0.99) * 1e3,
        total_p50_ms=quantile(tally.totals, 0.5) * 1e3,
        total_p99_ms=quantile(tally.totals, 0.99) * 1e3,
        memory_mb=memory_mb(after),
        foreign=max(0.0, foreign) / elapsed,
        void=_void(tally, before, after) or ("" if spent_after or not server.pid else "the CPU clocks cannot be read"),
    )


def _spent(processes: tuple[Process, ...], before: dict[int, float], after: dict[int, float], *roles: Role) -> float:
    return sum(
        after.get(process.pid, 0.0) - before.get(process.pid, 0.0)
        for process in processes
        if not roles or process.role in roles
    )


def _void(tally: Tally, before: tuple[Process, ...], after: tuple[Process, ...]) -> str:
    if tally.failures:
        return f"{len(tally.failures)} requests failed, the first: {tally.failures[0]}"
    if _serving(before) != _serving(after):
        return "a worker came or went"
    return ""


def _serving(processes: tuple[Process, ...]) -> set[int]:
    return {process.pid for process in processes if process.role != "office"}


async def _at_rest(processes: tuple[Process, ...]) -> None:
    """Waits until the office has loaded what the window left in the journal, or for a while."""
    office = tuple(process for process in processes if process.role == "office")
    end = time.monotonic() + (_SETTLE_LIMIT if office else 0.0)
    while time.monotonic() < end:
        before = cpu_seconds(office)
        await asyncio.sleep(_SETTLE_STEP)
        if _spent(office, before, cpu_seconds(office)) < _SETTLE_STEP * 0.1:
            return
