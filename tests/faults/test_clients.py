"""Crowds of clients that misbehave are let go within the limits, cost others nothing, and leave nothing behind."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bad_input.limits import LIMITS
from tests.builders.gateway import until
from tests.builders.gateway_process import gateway_process
from tests.builders.raw_client import RawClient, a_request, raw_client
from tests.builders.scripted_upstream import Link, chunk, chunked_head, reply, scripted_upstream
from tests.builders.stage import Stage, staged
from tests.builders.websocket_stage import handshake

pytestmark = pytest.mark.asyncio(loop_scope="module")
CROWD = 200
QUESTION = b'{"model":"gpt-4o","messages":[]}'
JSON = b"Content-Type: application/json"
MEGABYTE = 1 << 20
HASTY = {**LIMITS, "header_timeout": 1.5, "body_timeout": 1.5, "write_timeout": 1.5}
PATIENT_SECONDS = 4.0
SMALL = 4096


async def answering(link: Link) -> None:
    """Answers with what is asked: a flood where the path says so, and otherwise the number of the request."""
    while True:
        request = await link.request()
        if b"/v1/audio/speech" in request.line:
            await link.send(chunked_head(b"Content-Type: audio/mpeg"))
            while True:
                await link.send(chunk(b"\x00" * 65_536))
                await asyncio.sleep(0.01)
        await link.send(reply(b"{}", JSON, b"X-Line: " + request.line))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    """A gateway with low limits before an upstream that answers at once, or without end."""
    async with staged(answering, server=HASTY) as stage:
        yield stage


async def everyone(stage: Stage, does: Callable[[RawClient], Awaitable[None]], *, buffer: int | None = None) -> None:
    """Lets a crowd misbehave at once, each on a connection of its own; others are served meanwhile and afterwards."""

    async def one() -> None:
        async with raw_client(stage.url, buffer=buffer) as client:
            await does(client)

    crowd = asyncio.gather(*(one() for _ in range(CROWD)))
    await asyncio.sleep(0.1)
    await is_served(stage)
    await crowd
    front = stage.gateway.gateway.front
    await asyncio.to_thread(until, lambda: front.open == 0, PATIENT_SECONDS, "the seats of the crowd")
    await is_served(stage)


async def is_served(stage: Stage) -> None:
    began = time.monotonic()
    assert (await stage.ask(a_request(body=QUESTION))).status == 200
    assert (await stage.ask(a_request(b"GET /healthz"))).status == 200
    assert time.monotonic() - began < PATIENT_SECONDS


async def test_a_crowd_that_sends_its_heads_slowly_is_let_go(stage: Stage) -> None:
    async def dripping(client: RawClient) -> None:
        await client.send(b"GET /v1/models HTTP/1.1\r\nX-A: ")
        for _ in range(3):
            await client.send(b"a")
            await asyncio.sleep(0.1)
        came = await client.reply()
        assert (came.status, came.error["code"]) == (408, "header_timeout")

    await everyone(stage, dripping)


async def test_a_crowd_that_says_nothing_is_let_go(stage: Stage) -> None:
    async def silent(client: RawClient) -> None:
        assert await client.rest() == b""

    await everyone(stage, silent)


async def test_a_crowd_that_sends_its_bodies_slowly_is_let_go(stage: Stage) -> None:
    async def dripping(client: RawClient) -> None:
        await client.send(a_request(b"POST /v1/responses", JSON, b"Content-Length: 100") + b"{")
        came = await client.reply()
        assert (came.status, came.error["code"]) == (408, "body_timeout")

    await everyone(stage, dripping)


async def test_a_crowd_that_does_not_read_is_let_go(stage: Stage) -> None:
    audit_ids: list[str] = []

    async def deaf(client: RawClient) -> None:
        await client.send(a_request(b"POST /v1/audio/speech", body=b"{}"))
        audit_ids.append((await client.head()).audit_id)
        await asyncio.sleep(2.5)

    await everyone(stage, deaf, buffer=SMALL)
    records = [await stage.record(audit_id) for audit_id in audit_ids[:20]]
    assert {record["outcome"] for record in records} == {"client_gone"}


async def test_a_crowd_that_breaks_its_uploads_off_leaves_nothing_behind() -> None:
    ended: list[bytes] = []

    async def taking(link: Link) -> None:
        request = await link.request()
        ended.append(request.line)
        await link.send(reply(b"{}", JSON))

    async def breaking(client: RawClient) -> None:
        await client.send(
            a_request(b"POST /v1/files", b"Content-Type: multipart/form-data; boundary=b", b"Content-Length: 90000")
            + b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            + b"a" * 4096
        )
        await begun.wait()
        client.reset()

    begun = asyncio.Event()
    async with staged(taking) as stage:
        crowd = asyncio.ensure_future(everyone(stage, breaking))
        front = stage.gateway.gateway.front
        try:
            await asyncio.to_thread(until, lambda: front.open >= CROWD, 8, "all uploads to begin")
        finally:
            begun.set()
        await crowd
        # Of 200 uploads none was whole for the upstream.
        assert all(line.startswith(b"POST /v1/chat") for line in ended)
        gone = [line for line in await stage.records(CROWD + 2) if line["endpoint"].startswith("files")]
        assert {line["outcome"] for line in gone} == {"client_gone"}
        for link in stage.upstream.links:
            await asyncio.wait_for(link.gone.wait(), 5)


async def test_a_crowd_that_asks_and_leaves_at_once_costs_nothing_afterwards(stage: Stage) -> None:
    async def leaving(client: RawClient) -> None:
        await client.send(a_request(body=QUESTION))
        client.reset()

    await everyone(stage, leaving)


async def test_a_crowd_that_asks_for_websockets_badly_is_refused(stage: Stage) -> None:
    async def nonsense(client: RawClient) -> None:
        await client.send(handshake().replace(b"Version: 13", b"Version: 7"))
        came = await client.reply()
        assert (came.status, came.error["code"]) == (400, "invalid_handshake")

    await everyone(stage, nonsense)


async def test_who_asks_ahead_is_answered_in_turn_up_to_the_request_that_is_none(stage: Stage) -> None:
    async with raw_client(stage.url) as client:
        good = b"".join(a_request(b"POST /v1/x?%d" % number, body=b"{}") for number in range(30))
        await client.send(good + b"nonsense\r\n\r\n" + a_request(b"POST /v1/x?smuggled", body=b"{}"))
        lines = []
        try:
            while True:
                lines.append((await client.reply()).value(b"x-line"))
        except (asyncio.IncompleteReadError, ValueError, ConnectionError):
            pass
    assert lines == [b"POST /v1/x?%d HTTP/1.1" % number for number in range(len(lines))]
    assert not any(b"smuggled" in record["path"] for record in stage.gateway.lines() if "path" in record)


CREDENTIALS = {
    "a gateway key that is none": b"Bearer lk-" + b"x" * 40,
    "a gateway key of 7 KB": b"Bearer lk-" + b"x" * 7000,
    "no text": b"Bearer lk-\xff\xfe\x80",
    "another scheme": b"Basic " + b"dXNlcjpwYXNz",
    "nothing behind the scheme": b"Bearer    ",
    "no scheme": b"sk-test",
    "a scheme alone": b"Bearer",
}


@pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=CREDENTIALS.keys())
async def test_a_credential_that_is_none_goes_nowhere(stage: Stage, credential: bytes) -> None:
    count = len(stage.upstream.links)
    asked = a_request(b"POST /v1/chat/completions", b"Authorization: " + credential, body=QUESTION, key=None)
    came = await stage.ask(asked)
    assert (came.status, came.error["code"]) == (401, "invalid_api_key")
    assert len(stage.upstream.links) == count


async def test_a_credential_beyond_the_limit_is_refused_with_its_head(stage: Stage) -> None:
    came = await stage.ask(a_request(key=b"lk-" + b"x" * 9000))
    assert (came.status, came.error["code"]) == (431, "headers_too_long")


METHODS = {
    "a tunnel": (b"CONNECT other.test:443", 400),
    "a method that nobody knows": (b"FETCH /v1/models", 400),
    "a lower-case method": (b"post /v1/chat/completions", 400),
    "no path": (b"OPTIONS *", 400),
    "another host's path": (b"POST http://other.test/v1/chat/completions", 400),
}


@pytest.mark.parametrize(("line", "status"), METHODS.values(), ids=METHODS.keys())
async def test_a_method_or_target_that_is_none_is_400(stage: Stage, line: bytes, status: int) -> None:
    came = await stage.ask(a_request(line, body=QUESTION))
    assert (came.status, came.error["type"]) == (status, "invalid_request_error")


async def test_a_method_named_in_a_header_is_not_believed(stage: Stage) -> None:
    came = await stage.ask(a_request(b"POST /v1/x", b"X-HTTP-Method-Override: DELETE", body=b"{}"))
    assert came.value(b"x-line") == b"POST /v1/x HTTP/1.1"
    assert (await stage.record(came.audit_id))["method"] == "POST"


INJECTED = (
    b"X-A: a\rX-Injected: 1",
    b"X-A: a\nX-Injected: 1",
    b"X-A: a\x00X-Injected: 1",
    b"X-A\rX-Injected: 1",
    b"X-A: a\r\n X-Injected: 1",
)


async def test_nothing_in_a_header_becomes_another_header() -> None:
    heads: list[bytes] = []

    async def noting(link: Link) -> None:
        while True:
            heads.append((await link.request()).head)
            await link.send(reply(b"{}", JSON))

    async with staged(noting) as stage:
        for header in INJECTED:
            assert (await stage.ask(a_request(b"GET /v1/models", header))).status in (200, 400), header
    assert not any(b"\nX-Injected" in head or b"\rX-Injected" in head for head in heads)


async def test_crowds_of_slow_readers_and_writers_leave_the_gateway_small(tmp_path: Path) -> None:
    speech = a_request(b"POST /v1/audio/speech", body=b"{}")
    upload = a_request(b"POST /v1/responses", JSON, b"Content-Length: 1000000") + b"{" + b" " * 4096
    async with scripted_upstream(answering) as upstream:
        with gateway_process(upstream.url, tmp_path) as gateway:
            async with raw_client(gateway.url) as client:
                assert (await client.ask(a_request(body=QUESTION))).status == 200
            before = gateway.peak_bytes()
            async with AsyncExitStack() as crowd:
                for _ in range(CROWD):
                    for request in (speech, upload):
                        client = await crowd.enter_async_context(raw_client(gateway.url, buffer=SMALL))
                        await client.send(request)
                await asyncio.sleep(1)
                async with raw_client(gateway.url) as client:
                    assert (await client.ask(a_request(body=QUESTION))).status == 200
                    assert (await client.ask(a_request(b"GET /metrics"))).status == 200
            async with raw_client(gateway.url) as client:
                assert (await client.ask(a_request(body=QUESTION))).status == 200
            assert gateway.alive
            # A reader that takes nothing costs about a megabyte before its upstream, which would send on, is held back.
            assert gateway.peak_bytes() - before < 2 * CROWD * MEGABYTE
