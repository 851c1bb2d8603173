"""A client that leaves takes its upstream request along, within a second, and is recorded as gone."""

import asyncio
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from gateway.simulator import create_app
from tests.builders.gateway import running_gateway
from tests.builders.raw_client import RawClient, a_request, raw_client
from tests.builders.scripted_upstream import Link, chunk, chunked_head
from tests.builders.servers import run_server
from tests.builders.stage import Stage, staged

SOON = 1.0
POST = a_request(body=b'{"model":"gpt-4o","messages":[]}')
STREAM = chunked_head(b"Content-Type: text/event-stream") + chunk(b"data: {}\n\n")
SPEECH = a_request(b"POST /v1/audio/speech", body=b"{}")
BYTES = chunked_head(b"Content-Type: audio/mpeg") + chunk(b"\x00" * 10)
JSON = chunked_head(b"Content-Type: application/json") + chunk(b'{"half":')


class Watched:
    """A script that waits for its client: `reached` when it is where the client may leave, `left` when it has left."""

    def __init__(self, *sent: bytes, whole: bool = True) -> None:
        self.reached = asyncio.Event()
        self.left = asyncio.Event()
        self._sent = sent
        self._whole = whole

    async def __call__(self, link: Link) -> None:
        if self._whole:
            await link.request()
        else:
            await link.head()
            await link.reader.readexactly(10)
        for data in self._sent:
            await link.send(data)
        self.reached.set()
        await link.hung_up()
        self.left.set()


async def leave(client: RawClient, how: str) -> None:
    if how == "reset":
        client.reset()
    else:
        client.writer.close()


async def record_of_the_only_exchange(stage: Stage) -> dict[str, Any]:
    """Gives its `ended` line; fails where it did not begin once and end once."""
    (record,) = await stage.records()
    events = [line["event"] for line in stage.gateway.lines() if line["audit_id"] == record["audit_id"]]
    assert events == ["began", "ended"]
    return record


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("sent", [(), (JSON,)], ids=["nothing", "half-an-answer"])
async def test_leaving_before_the_answer_cancels_the_upstream(how: str, sent: tuple[bytes, ...]) -> None:
    upstream = Watched(*sent)
    async with staged(upstream) as stage:
        async with raw_client(stage.url) as client:
            await client.send(POST)
            await upstream.reached.wait()
            await leave(client, how)
            await asyncio.wait_for(upstream.left.wait(), SOON)
        assert (await record_of_the_only_exchange(stage))["outcome"] == "client_gone"


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(("request_", "sent"), [(POST, STREAM), (SPEECH, BYTES)], ids=["events", "bytes"])
async def test_leaving_in_the_middle_of_the_answer_cancels_the_upstream(how: str, request_: bytes, sent: bytes) -> None:
    upstream = Watched(sent)
    async with staged(upstream) as stage:
        async with raw_client(stage.url) as client:
            await client.send(request_)
            assert await client.piece(await client.head())
            await leave(client, how)
            await asyncio.wait_for(upstream.left.wait(), SOON)
        record = await record_of_the_only_exchange(stage)
    assert (record["outcome"], record["status"]) == ("client_gone", 200)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    "headers",
    [(b"Content-Length: 1000", b"Content-Type: audio/wav"), (b"Content-Length: 1000", b"Content-Type: text/plain")],
    ids=["audio", "text"],
)
async def test_leaving_in_the_middle_of_an_upload_cancels_the_upstream(how: str, headers: tuple[bytes, ...]) -> None:
    upstream = Watched(whole=False)
    async with staged(upstream) as stage:
        async with raw_client(stage.url) as client:
            await client.send(a_request(b"POST /v1/unheard/of", *headers) + b"0123456789")
            await upstream.reached.wait()
            await leave(client, how)
            await asyncio.wait_for(upstream.left.wait(), SOON)
        assert (await record_of_the_only_exchange(stage))["outcome"] == "client_gone"


async def test_leaving_before_the_body_has_come_asks_no_upstream_and_is_recorded() -> None:
    upstream = Watched()
    async with staged(upstream) as stage:
        async with raw_client(stage.url) as client:
            await client.send(
                a_request(b"POST /v1/chat/completions", b"Content-Length: 1000", b"Content-Type: application/json")
            )
            await client.send(b'{"model":')
            await asyncio.sleep(0.05)
        assert (await record_of_the_only_exchange(stage))["outcome"] == "client_gone"
    assert stage.upstream.links == []


async def test_leaving_while_the_answer_waits_for_a_slow_reader_cancels_the_upstream() -> None:
    left = asyncio.Event()

    async def flooding(link: Link) -> None:
        await link.request()
        await link.send(chunked_head(b"Content-Type: audio/mpeg"))
        try:
            while True:
                await link.send(chunk(b"\x00" * 65536))
        finally:
            left.set()

    async with staged(flooding) as stage:
        async with raw_client(stage.url) as client:
            await client.send(SPEECH)
            await client.head()
            await asyncio.sleep(0.3)
            client.reset()
            await asyncio.wait_for(left.wait(), SOON)
        assert (await record_of_the_only_exchange(stage))["outcome"] == "client_gone"


async def test_a_stream_that_the_sdk_breaks_off_is_cancelled_at_the_simulator() -> None:
    with run_server(create_app()) as simulator, running_gateway(simulator) as running:
        async with AsyncOpenAI(base_url=running.base_url, api_key="sk-test") as client:
            question = "!long 1000\n!chunks 1000 pace=20"
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": question}], stream=True
            )
            async for _ in stream:
                break
            await stream.close()
        async with httpx.AsyncClient() as http:
            for _ in range(int(SOON / 0.02)):
                stats = (await http.get(f"{simulator}/_stats")).json()
                if stats["cancelled"]:
                    break
                await asyncio.sleep(0.02)
        assert (stats["open"], stats["cancelled"]) == (0, 1)
        (record,) = await asyncio.to_thread(running.records)
    assert record["outcome"] == "client_gone"
    assert record["usage"]["estimated"] is True
