"""As many rows as requests, whatever upstreams and clients do."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from tests.builders.raw_client import RawClient, a_request, raw_client
from tests.builders.scripted_upstream import Link, chunk, chunked_head, reply, scripted_upstream
from tests.builders.served import Served
from tests.builders.warehouses import asked, warehouse
from tests.durability.asking_sql import table
from tests.durability.remembering import DONE, Question
from tests.durability.running import gateway

TIMES = 12
AT_ONCE = 24
SETTLE_SECONDS = 10.0
STREAM = chunked_head(b"Content-Type: text/event-stream") + chunk(b'data: {"choices":[]}\n\n')
HALF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
Answering: TypeAlias = Callable[[Link], Awaitable[None]]
Asking: TypeAlias = Callable[[RawClient, bytes], Awaitable[None]]
Row: TypeAlias = tuple[str | None, str, int | None]


def sends(data: bytes) -> Answering:
    async def answering(link: Link) -> None:
        await link.send(data)

    return answering


def breaks_after(data: bytes) -> Answering:
    async def answering(link: Link) -> None:
        await link.send(data)
        await asyncio.sleep(0.02)
        link.reset()
        raise ConnectionResetError

    return answering


def hangs_after(data: bytes) -> Answering:
    async def answering(link: Link) -> None:
        await link.send(data)
        await link.hung_up()
        raise ConnectionResetError

    return answering


async def waits(client: RawClient, request: bytes) -> None:
    await client.send(request)
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        await client.reply()


async def waits_twice(client: RawClient, request: bytes) -> None:
    await client.send(request + request)
    await client.reply()
    await client.reply()


async def leaves_at_once(client: RawClient, request: bytes) -> None:
    await client.send(request)


async def leaves_in_its_head(client: RawClient, request: bytes) -> None:
    await client.send(request[:40])


async def leaves_in_its_body(client: RawClient, request: bytes) -> None:
    await client.send(request[:-3])


async def leaves_in_the_middle(client: RawClient, request: bytes) -> None:
    await client.send(request)
    assert await client.piece(await client.head())
    client.reset()


class Case(NamedTuple):
    """What upstream and client do, and the rows that it leaves."""

    rows: tuple[Row, ...]
    answering: Answering
    asking: Asking = waits
    line: bytes = b"POST /v1/chat/completions"
    key: bytes = b"sk-test"
    before: bytes = b""
    behind: bytes = b""
    after: bytes = b""


OK = sends(reply(b"{}", b"Content-Type: application/json"))
LIMITED = sends(reply(b"{}", b"Content-Type: application/json", status=b"429 Too Many Requests"))
BROKEN = sends(reply(b"oh", b"Content-Type: text/plain", status=b"500 Oh"))
CASES: Mapping[str, Case] = {
    "fine": Case((("fine", "answered", 200),), OK),
    "limited": Case((("limited", "answered", 429),), LIMITED),
    "broken": Case((("broken", "answered", 500),), BROKEN),
    "streamed": Case((("streamed", "answered", 200),), sends(STREAM + chunk(DONE) + chunk(b""))),
    "no-http": Case((("no-http", "upstream_error", 502),), breaks_after(b"nonsense\r\n\r\n")),
    "reset": Case((("reset", "upstream_error", 502),), breaks_after(b"")),
    "reset-in-json": Case((("reset-in-json", "upstream_error", 502),), breaks_after(HALF)),
    "reset-in-stream": Case((("reset-in-stream", "cut", 200),), breaks_after(STREAM)),
    "left-at-once": Case((("left-at-once", "client_gone", None),), hangs_after(b""), leaves_at_once),
    "left-in-stream": Case((("left-in-stream", "client_gone", 200),), hangs_after(STREAM), leaves_in_the_middle),
    "left-in-body": Case(((None, "client_gone", None),), OK, leaves_in_its_body),
    "left-in-head": Case((), OK, leaves_in_its_head),
    "twice": Case((("twice", "answered", 200), ("twice", "answered", 200)), OK, waits_twice),
    "bad-json": Case(((None, "refused", 400),), OK, behind=b"}"),
    "stranger": Case(((None, "refused", 401),), OK, key=b"lk-nobody"),
    "disguised": Case(((None, "refused", 400),), OK, line=b"POST /v1/chat%2Fcompletions"),
    "elsewhere": Case((), OK, line=b"POST /nowhere"),
    "garbage-behind": Case((("garbage-behind", "client_gone", None),), OK, after=b"\x00\xff garbage\r\n\r\n"),
    "garbage": Case((), OK, before=b"\x00\xff garbage\r\n\r\n"),
}
EXPECTED = Counter(row for case in CASES.values() for row in case.rows * TIMES)


async def faulty(link: Link) -> None:
    """Answers each request as the case says whose name is its model."""
    while True:
        question = msgspec.json.decode((await link.request()).body, type=Question)
        await CASES[question.model].answering(link)


def request_of(name: str, case: Case) -> bytes:
    body = msgspec.json.encode({"model": name, "stream": "stream" in name, "messages": []})
    return case.before + a_request(case.line, body=body + case.behind, key=case.key) + case.after


async def test_each_request_is_one_row_whatever_upstream_and_client_do(tmp_path: Path) -> None:
    async with scripted_upstream(faulty) as upstream, gateway(tmp_path, upstream.url) as running:
        room = asyncio.Semaphore(AT_ONCE)

        async def carried(name: str, case: Case) -> None:
            async with room, raw_client(running.url) as client:
                await case.asking(client, request_of(name, case))

        await asyncio.gather(*(carried(name, case) for _ in range(TIMES) for name, case in CASES.items()))
        assert await settled(running, EXPECTED.total()) == EXPECTED


async def test_each_request_is_one_row_where_nobody_answers(tmp_path: Path) -> None:
    request = request_of("fine", CASES["fine"])
    async with gateway(tmp_path, "http://127.0.0.1:9") as running:

        async def carried() -> None:
            async with raw_client(running.url) as client:
                assert (await client.ask(request)).status == 502

        await asyncio.gather(*(carried() for _ in range(40)))
        assert await settled(running, 40) == {("fine", "upstream_error", 502): 40}


async def test_each_stream_that_a_stop_meets_is_one_row(tmp_path: Path) -> None:
    told_to_end, begun = asyncio.Event(), asyncio.Semaphore(0)

    async def streaming(link: Link) -> None:
        question = msgspec.json.decode((await link.request()).body, type=Question)
        await link.send(STREAM)
        if question.model == "ending":
            await told_to_end.wait()
            await link.send(chunk(DONE) + chunk(b""))
        await link.hung_up()

    async def streamed(url: str, model: str) -> bytes:
        async with raw_client(url) as client:
            await client.send(a_request(body=msgspec.json.encode({"model": model, "stream": True})))
            await client.piece(await client.head())
            begun.release()
            return await client.rest()

    async with (
        scripted_upstream(streaming) as upstream,
        gateway(tmp_path, upstream.url, settings=SHORT_DRAIN) as running,
        asyncio.TaskGroup() as clients,
    ):
        ending = [clients.create_task(streamed(running.url, "ending")) for _ in range(25)]
        endless = [clients.create_task(streamed(running.url, "endless")) for _ in range(25)]
        for _ in (*ending, *endless):
            await begun.acquire()
        running.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        told_to_end.set()
    assert all(task.result().endswith(chunk(DONE) + chunk(b"")) for task in ending)
    with warehouse(running.data) as opened:
        found = Counter(asked(opened, "SELECT model, outcome, status FROM exchanges"))
    assert found == {("ending", "answered", 200): 25, ("endless", "stopped", 200): 25}


SHORT_DRAIN = "server: {drain_timeout: 1}\nplugins: {log: {to: nowhere}}\n"


async def settled(running: Served, count: int) -> Counter[Row]:
    """Gives how often each row is there: when there are `count` and no more come, or time is up."""
    seen: list[Counter[Row]] = [Counter()]
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_SECONDS):
            while seen[-1].total() < count or seen[-1] != seen[-2]:
                await asyncio.sleep(0.5)
                found = await table(running, "SELECT model, outcome, status FROM exchanges")
                seen.append(Counter((model, outcome, status) for model, outcome, status in found))
    return seen[-1]
