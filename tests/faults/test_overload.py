"""A gateway with more to do than it can refuses early, shares what it has, says how it is, and recovers at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.builders.raw_client import RawClient, RawReply, a_request, raw_client
from tests.builders.scripted_upstream import Link, reply
from tests.builders.stage import Stage, staged

SEATS = 27
QUESTION = b'{"model":"gpt-4o","messages":[]}'
OK = reply(b"{}", b"Content-Type: application/json")


class Waiting:
    """A script that answers nobody until it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.came = asyncio.Semaphore(0)

    async def __call__(self, link: Link) -> None:
        while True:
            await link.request()
            self.came.release()
            await self.go.wait()
            await link.send(OK)


@asynccontextmanager
async def busy(upstream: Waiting, **server: int) -> AsyncIterator[Stage]:
    async with staged(upstream, server={"max_concurrent": SEATS, **server}) as stage:
        try:
            yield stage
        finally:
            upstream.go.set()


def asked(key: bytes) -> bytes:
    return a_request(body=QUESTION, key=key)


async def flood(stage: Stage, key: bytes, count: int) -> tuple[list["asyncio.Task[RawReply]"], list[RawReply]]:
    """Asks `count` times at once; gives those that wait for their answer, and the refusals."""
    tasks = [asyncio.ensure_future(stage.ask(asked(key))) for _ in range(count)]
    await asyncio.sleep(0)
    done: set[asyncio.Task[RawReply]] = set()
    while True:
        done, waiting = await asyncio.wait(tasks, timeout=0.5)
        if len(done) + stage.gateway.gateway.front.open >= count:
            return list(waiting), [task.result() for task in done]


async def test_one_that_floods_leaves_seats_for_others() -> None:
    upstream = Waiting()
    async with busy(upstream) as stage:
        waiting, refused = await flood(stage, b"sk-flood", 60)
        assert len(waiting) == 24
        assert {(came.status, came.error["code"], came.value(b"retry-after")) for came in refused} == {
            (429, "too_many_at_once", b"1")
        }
        assert {came.error["type"] for came in refused} == {"rate_limit_error"}
        record = await stage.record(refused[0].audit_id)
        assert (record["outcome"], record["status"]) == ("refused", 429)
        others = [asyncio.ensure_future(stage.ask(asked(b"sk-other%d" % number))) for number in range(3)]
        await asyncio.sleep(0.3)
        upstream.go.set()
        assert {came.status for came in await asyncio.gather(*waiting, *others)} == {200}


async def test_a_full_gateway_refuses_early_and_answers_for_its_health() -> None:
    upstream = Waiting()
    async with busy(upstream, max_concurrent=4) as stage:
        held = [asyncio.ensure_future(stage.ask(asked(b"sk-%d" % number))) for number in range(4)]
        for _ in held:
            await upstream.came.acquire()
        # A body that has not come is not waited for.
        refused = await stage.ask(a_request(b"POST /v1/responses", b"Content-Length: 100000", key=b"sk-late"))
        assert (refused.status, refused.error["code"], refused.value(b"retry-after")) == (503, "overloaded", b"1")
        for page in (b"/healthz", b"/readyz", b"/metrics"):
            began = time.monotonic()
            assert (await stage.ask(a_request(b"GET " + page, key=None))).status == 200
            assert time.monotonic() - began < 1
        upstream.go.set()
        assert {came.status for came in await asyncio.gather(*held)} == {200}


async def test_after_three_times_the_load_all_is_as_before() -> None:
    statuses: list[int] = []

    async def slow(link: Link) -> None:
        while True:
            await link.request()
            await asyncio.sleep(0.05)
            await link.send(OK)

    async def insisting(client: RawClient, key: bytes, until: float) -> None:
        while time.monotonic() < until:
            statuses.append((await client.ask(asked(key))).status)

    async with staged(slow, server={"max_concurrent": SEATS}) as stage:
        until = time.monotonic() + 1.5

        async def one(number: int) -> None:
            async with raw_client(stage.url) as client:
                await insisting(client, b"sk-%d" % (number % 9), until)

        await asyncio.gather(*(one(number) for number in range(3 * SEATS)))
        assert set(statuses) <= {200, 429, 503}
        assert statuses.count(200) > SEATS
        assert statuses.count(200) < len(statuses)
        began = time.monotonic()
        calm = await asyncio.gather(*(stage.ask(asked(b"sk-%d" % number)) for number in range(9)))
        assert {came.status for came in calm} == {200}
        assert time.monotonic() - began < 2
        assert stage.gateway.gateway.front.open == 0
