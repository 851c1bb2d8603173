"""Ends processes of a running gateway by kill -9, and waits until it is ready again."""

import asyncio
import os
import signal
from collections.abc import Callable
from random import Random
from time import monotonic
from typing import Literal

import httpx

from perf.processes import tree
from tests.builders.served import Served

LIMIT = 30.0
_LOOK = 0.02


def kill_one(running: Served, role: Literal["worker", "office"], chance: Random) -> Callable[[], bool]:
    """Kills a worker or the office; gives what says whether another one has begun in its place."""
    before = running.pids(role)
    segments = _segments(running)
    os.kill(chance.choice(before), signal.SIGKILL)

    def replaced() -> bool:
        # A worker serves when it has a segment of its own; whether the office serves is told by /readyz.
        begun = role == "office" or _segments(running) > segments
        return begun and len(set(running.pids(role)) - set(before)) == 1

    return replaced


def kill_everything(running: Served) -> None:
    """Kills the supervisor and all its children, and returns when none is left to listen or to write."""
    pids = [each.pid for each in tree(running.process.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    running.process.wait()


async def ready_again(running: Served, replaced: Callable[[], bool]) -> float:
    """Waits until all is as before the kill; gives the seconds that it took."""
    began = monotonic()
    async with httpx.AsyncClient(timeout=LIMIT) as client:
        while not (replaced() and await _is_ready(client, running.url)):
            assert monotonic() - began < LIMIT, f"not ready within {LIMIT} s: {running.complaints}"
            await asyncio.sleep(_LOOK)
    return monotonic() - began


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return bool((await client.get(f"{url}/readyz")).json()["status"] == "ready")
    except httpx.TransportError:
        return False


def _segments(running: Served) -> int:
    return len({path.with_name(path.name.partition(".")[0]) for path in running.data.glob("journal/worker-*/*.jsonl*")})
