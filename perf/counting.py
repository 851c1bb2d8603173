"""Counts what a server executes for a load: instructions and system calls, with valgrind's callgrind.

Counts are the same on a busy machine and on a quiet one, which a clock is not (docs/decisions/008-price.md). What the
system does inside a call is not counted, hence the calls.
"""

import asyncio
import re
import shlex
import shutil
from dataclasses import dataclass

from perf.load import Question, load
from perf.servers import NotAnswering, Server

_ROW = re.compile(r"^\s*Th \d+\s+([\d,]+)\s+([\d,]+)", re.MULTILINE)
NEEDED = ("valgrind", "callgrind_control")


@dataclass(frozen=True, slots=True)
class Count:
    """What one unit of a load took: a request, or a whole stream."""

    instructions: float
    calls: float


def can_count() -> bool:
    """Whether valgrind is installed."""
    return all(map(shutil.which, NEEDED))


def counted(command: str) -> str:
    """Gives the command that runs another one and counts; what that one forks into is not counted."""
    options = "--tool=callgrind --collect-systime=nsec --callgrind-out-file=/dev/null"
    # The seed of the hashes moves the count of a stream by a tenth.
    return f"env PYTHONHASHSEED=0 valgrind --quiet {options} {command}"


async def count(server: Server, question: Question, *, requests: int, windows: int) -> Count:
    """Counts the cheapest of so many windows, one request after the other. Errors: NotAnswering."""
    best: Count | None = None
    for _ in range(windows):
        await _control(server, "--zero")
        tally = await load(server.port, question, connections=1, requests=requests)
        if tally.failures:
            raise NotAnswering(f"{server.name}, {question.name}: a request failed: {tally.failures[0]}")
        rows = _ROW.findall(await _control(server, "-e"))
        if not rows:
            raise NotAnswering(f"{server.name}: valgrind does not tell what it counted.")
        instructions, calls = (sum(int(row[column].replace(",", "")) for row in rows) for column in (0, 1))
        if best is None or instructions / requests < best.instructions:
            best = Count(instructions / requests, calls / requests)
    if best is None:
        raise ValueError("count at least one window")
    return best


async def _control(server: Server, order: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *shlex.split(f"callgrind_control {order} {server.pid}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return said.decode()
