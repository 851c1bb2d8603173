"""Requests come at their moments, and a reply that is late is late for all who came meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from perf.load import PLAIN
from perf.paced import Unanswered, paced
from tests.builders.scripted_upstream import Link, reply, scripted_upstream


@asynccontextmanager
async def answering(body: bytes, *, pause: float = 0.0) -> AsyncIterator[int]:
    """Answers every request with `body`; while one is answered after a `pause`, all others wait."""
    turn = asyncio.Lock()

    async def script(link: Link) -> None:
        while True:
            await link.request()
            async with turn:
                await asyncio.sleep(pause)
            await link.send(reply(body))

    async with scripted_upstream(script) as upstream:
        yield int(upstream.url.rpartition(":")[2])


async def test_there_is_a_time_for_each_request() -> None:
    async with answering(PLAIN.answer) as port:
        took = await paced(port, PLAIN, a_second=100, seconds=0.3)
    assert len(took) == 30
    assert min(took) > 0


async def test_a_server_that_is_slower_than_the_pace_falls_behind_it() -> None:
    async with answering(PLAIN.answer, pause=0.03) as port:
        took = await paced(port, PLAIN, a_second=100, seconds=0.2)
    assert took[-1] > 20 * 0.03 - 0.2 > 2 * took[0]


@pytest.mark.parametrize("wrong", [b"", PLAIN.answer + b"."], ids=["empty", "longer"])
async def test_a_wrong_reply_makes_the_whole_worthless(wrong: bytes) -> None:
    async with answering(wrong) as port:
        with pytest.RaisesGroup(Unanswered):
            await paced(port, PLAIN, a_second=100, seconds=0.1)
