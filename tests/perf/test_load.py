"""The load generator counts what failed, and nothing that failed passes as good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from perf.load import PLAIN, load, quantile


def reply(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


GOOD = reply(PLAIN.answer)


@asynccontextmanager
async def server(*replies: bytes) -> AsyncIterator[int]:
    """Answers the requests of each connection with these bytes, then closes it; b"" says nothing and stays open."""

    connections: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            for answer in replies:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
                writer.write(answer)
                if not answer:
                    await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    serving = await asyncio.start_server(connection, "127.0.0.1", 0)
    async with serving:
        yield serving.sockets[0].getsockname()[1]
        await asyncio.gather(*connections)


async def test_good_replies_are_counted() -> None:
    async with server(*[GOOD] * 10) as port:
        tally = await load(port, PLAIN, connections=1, requests=10)
    assert (tally.good, tally.failures) == (10, ())
    assert len(tally.totals) == 10


async def test_it_asks_exactly_as_often_as_it_was_told() -> None:
    async with server(*[GOOD] * 3) as port:
        tally = await load(port, PLAIN, connections=2, requests=3)
    assert (tally.good, tally.failures) == (3, ())


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (reply(b"{}", b"503 Service Unavailable"), "status 503"),
        (reply(PLAIN.answer[:-1]), "not the upstream's"),
        (reply(PLAIN.answer[:-1] + b"!"), "not the upstream's"),
        (b"SMTP ready\r\n\r\n", "not HTTP"),
        (GOOD + GOOD, "nobody asked"),
    ],
)
async def test_a_bad_reply_is_a_failure(bad: bytes, reason: str) -> None:
    async with server(GOOD, bad, GOOD) as port:
        tally = await load(port, PLAIN, connections=1, requests=3)
    assert reason in " ".join(tally.failures)


async def test_a_connection_that_ends_early_is_a_failure() -> None:
    async with server(GOOD, GOOD[:-1]) as port:
        tally = await load(port, PLAIN, connections=1, requests=4)
    assert tally.good == 1
    assert "connection ended" in tally.failures[0]


async def test_silence_is_a_failure() -> None:
    async with server(GOOD, b"") as port:
        tally = await load(port, PLAIN, connections=1, requests=3, limit=0.3)
    assert tally.good == 1
    assert "2 replies were not there" in tally.failures[0]


async def test_a_server_that_is_not_there_is_a_failure() -> None:
    async with server() as port:
        pass
    tally = await load(port, PLAIN, connections=1, requests=3)
    assert tally.good == 0
    assert "no connection" in tally.failures[0]


def test_quantiles_lie_inside_the_values() -> None:
    assert quantile([], 0.5) == 0.0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile(range(101), 0.99) == 99
