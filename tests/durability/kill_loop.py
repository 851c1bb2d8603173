"""Kills a gateway under load and looks whether anything was lost: `python -m tests.durability.kill_loop --loops 50`.

Each loop starts the gateway over the records of all loops before it, lets clients ask, kills a worker, the office or
everything at some moment, and compares what clients and upstream saw with the journal and the warehouse.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import cycle, islice
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Literal, NamedTuple, TypeAlias

from tests.builders.scripted_upstream import scripted_upstream
from tests.builders.served import Served, lukhas
from tests.durability.asking_sql import exchange_rows
from tests.durability.books import Figures, exchange_lines, faults, figures
from tests.durability.crowd import Crowd
from tests.durability.kills import kill_everything, kill_one, ready_again
from tests.durability.remembering import Remembering
from tests.durability.running import gateway

Kill: TypeAlias = Literal["worker", "office", "everything"]
KILLS: tuple[Kill, ...] = ("worker", "office", "everything")
READY_SECONDS = 5.0
SETTLE_SECONDS = 10.0


class Loop(NamedTuple):
    """What one loop found; `ready` are the seconds from the kill, or the start after it, to the next readiness."""

    kill: Kill
    figures: Figures
    ready: float
    faults: list[str]


async def kill_loop(folder: Path, kill: Kill, seed: str) -> Loop:
    """Runs one loop; `seed` decides about the moments, and names the requests."""
    chance = Random(seed)
    remembering = Remembering()
    async with scripted_upstream(remembering) as upstream, AsyncExitStack() as stack:
        running = await stack.enter_async_context(gateway(folder, upstream.url))
        crowd = Crowd(running.url, seed, chance)
        async with crowd.asking():
            await asyncio.sleep(0.2 + chance.random())
            if kill == "everything":
                kill_everything(running)
                began = monotonic()
                running = await stack.enter_async_context(gateway(folder, upstream.url, url=running.url))
                ready = monotonic() - began
            else:
                ready = await ready_again(running, kill_one(running, kill, chance))
            await asyncio.sleep(0.3)
        return await _settled(running, kill, crowd, remembering, seed, ready)


async def _settled(
    running: Served, kill: Kill, crowd: Crowd, remembering: Remembering, seed: str, ready: float
) -> Loop:
    """Compares, until there is no fault or the warehouse has had its time."""
    deadline = monotonic() + SETTLE_SECONDS
    while True:
        lines = exchange_lines(running.data)
        rows = await exchange_rows(running)
        found = faults(crowd.told, remembering.asked, lines, rows)
        if not found or monotonic() > deadline:
            break
        await asyncio.sleep(0.1)
    if "made anew" in running.complaints:
        found.append("the warehouse was made anew, which a kill is no reason for")
    own = [line for line in lines if (line.model or "").startswith(f"{seed}-")]
    ids = {line.audit_id for line in own}
    counted = figures(crowd.told, remembering.asked, own, [row for row in rows if row.audit_id in ids])
    return Loop(kill, counted, ready, found)


def main() -> int:
    """Runs loops over one data folder and prints what they found; 1 where there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loops", type=int, default=50)
    parser.add_argument("--seed", default="m")
    options = parser.parse_args()
    loops: list[Loop] = []
    with TemporaryDirectory(prefix="kill-loop-") as folder:
        for number, kill in enumerate(islice(cycle(KILLS), options.loops), 1):
            loops.append(asyncio.run(kill_loop(Path(folder), kill, f"{options.seed}-{number}")))
            print(f"{number}: {_told(loops[-1])}", flush=True)
        verified = lukhas("audit", "verify", "--data", "data", cwd=Path(folder))
    print(_table(loops))
    print(verified.stdout + verified.stderr)
    return int(verified.returncode != 0 or any(loop.faults or loop.ready > READY_SECONDS for loop in loops))


def _told(loop: Loop) -> str:
    faults = "; ".join(loop.faults[:5]) or "no fault"
    return f"{loop.kill}, {loop.figures.whole} answered, {loop.figures.lost} lost, {loop.ready:.2f} s, {faults}"


def _table(loops: Sequence[Loop]) -> str:
    lines = [
        "| killed | loops | requests | answered whole | begun | broken off by the kill (`lost`) "
        "| answered and lost, or doubled | ready again, median and longest |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kill in KILLS:
        ours = [loop for loop in loops if loop.kill == kill]
        if ours:
            counted = [
                sum(values) for values in zip(*((*loop.figures, loop.figures.lost) for loop in ours), strict=True)
            ]
            ready = [loop.ready for loop in ours]
            wrong = sum(len(loop.faults) for loop in ours)
            sent, whole, _asked, began, _ended, _rows, lost = counted
            lines.append(
                f"| {kill} | {len(ours)} | {sent} | {whole} | {began} | {lost} | {wrong} "
                f"| {median(ready):.2f} s, {max(ready):.2f} s |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
