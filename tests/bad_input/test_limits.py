"""What is too large or too slow is refused within its limits, whatever its sender goes on to send."""

import asyncio
from pathlib import Path

import pytest

from tests.bad_input.limits import LIMITS
from tests.builders.gateway_process import gateway_process
from tests.builders.raw_client import RawClient, RawReply, a_request, raw_client
from tests.builders.scripted_upstream import Link, chunk, chunked_head, reply, scripted_upstream
from tests.builders.stage import Recording, RecordingStage, staged

pytestmark = pytest.mark.asyncio(loop_scope="module")
JSON = b"Content-Type: application/json"
FORM = b"Content-Type: multipart/form-data; boundary=b"
MEGABYTE = 1 << 20


async def refused(stage: RecordingStage, *sent: bytes) -> RawReply:
    """Sends the pieces one after the other, whatever comes back meanwhile; gives the refusal."""
    count = len(stage.script.requests)
    async with raw_client(stage.url) as client:
        try:
            for piece in sent:
                await client.send(piece)
                await asyncio.sleep(0)
        except ConnectionError:
            pass
        came = await client.reply()
    assert len(stage.script.requests) == count
    assert came.error["type"] == "invalid_request_error"
    assert came.value(b"connection") == b"close"
    return came


HEADS = {
    "one header": (b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 9000 + b"\r\n\r\n",),
    "one header without an end": (b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 9000,),
    "one header piece by piece": (b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-A: ", *(b"a" * 1000,) * 20),
    "many headers": (b"GET /v1/models HTTP/1.1\r\nHost: a\r\n" + b"X-A: a\r\n" * 1100 + b"\r\n",),
    "a name": (b"GET /v1/models HTTP/1.1\r\nHost: a\r\n" + b"a" * 9000 + b": a\r\n\r\n",),
    "ten megabytes": (b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-A: ", *(b"a" * 65536,) * 160),
}


@pytest.mark.parametrize("sent", HEADS.values(), ids=HEADS.keys())
async def test_a_head_over_the_limit_is_431(stage: RecordingStage, sent: tuple[bytes, ...]) -> None:
    came = await refused(stage, *sent)
    assert (came.status, came.error["code"]) == (431, "headers_too_long")


@pytest.mark.parametrize("length", [5000, 9000, 200_000])
async def test_a_url_over_the_limit_is_414(stage: RecordingStage, length: int) -> None:
    came = await refused(stage, b"GET /v1/" + b"a" * length + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (came.status, came.error["code"]) == (414, "url_too_long")


async def test_a_head_up_to_the_limit_passes(stage: RecordingStage) -> None:
    came = await stage.sent(a_request(b"GET /v1/" + b"a" * 3000, b"X-A: " + b"a" * 4000))
    assert len(came.head) > 7000


async def test_the_trailers_of_a_request_are_no_way_around_the_limit(stage: RecordingStage) -> None:
    head = a_request(b"POST /v1/x", b"Transfer-Encoding: chunked", b"Content-Type: audio/wav")
    async with raw_client(stage.url) as client:
        try:
            await client.send(head + b"1\r\nx\r\n0\r\n")
            for _ in range(1000):
                await client.send(b"X-A: " + b"a" * 1000 + b"\r\n")
                await asyncio.sleep(0)
        except ConnectionError:
            pass
        assert b" 200 " not in await client.rest()


@pytest.mark.parametrize("path", [b"POST /v1/responses", b"POST /v1/unheard"])
async def test_json_over_the_limit_is_413_before_it_has_come(stage: RecordingStage, path: bytes) -> None:
    came = await refused(stage, a_request(path, JSON, b"Content-Length: 20001"))
    assert (came.status, came.error["code"]) == (413, "body_too_large")
    assert came.audit_id


async def test_json_over_the_limit_in_chunks_is_413(stage: RecordingStage) -> None:
    head = a_request(b"POST /v1/responses", JSON, b"Transfer-Encoding: chunked")
    came = await refused(stage, head, *(chunk(b"[" * 5000),) * 10)
    assert (came.status, came.error["code"]) == (413, "body_too_large")


async def test_json_up_to_the_limit_passes(stage: RecordingStage) -> None:
    body = b'{"a": "' + b"a" * 19_991 + b'"}'
    assert len(body) == LIMITS["max_json_bytes"]
    assert (await stage.sent(a_request(body=body))).body == body


@pytest.mark.parametrize("kind", [b"Content-Type: audio/wav", FORM])
async def test_an_upload_over_the_limit_is_413_before_it_has_come(stage: RecordingStage, kind: bytes) -> None:
    path = b"POST /v1/files" if kind == FORM else b"POST /v1/unheard"
    came = await refused(stage, a_request(path, kind, b"Content-Length: 100001"))
    assert (came.status, came.error["code"]) == (413, "body_too_large")


async def test_an_upload_over_the_limit_in_chunks_never_reaches_its_end() -> None:
    ended = asyncio.Event()

    async def taking(link: Link) -> None:
        await link.request()
        ended.set()

    async with staged(taking, server=LIMITS) as stage, raw_client(stage.url) as client:
        await client.send(a_request(b"POST /v1/unheard", b"Content-Type: audio/wav", b"Transfer-Encoding: chunked"))
        for _ in range(30):
            await client.send(chunk(b"a" * 5000))
        came = await client.reply()
        assert (came.status, came.error["code"]) == (413, "body_too_large")
        assert (await stage.record(came.audit_id))["outcome"] == "refused"
    assert not ended.is_set()


async def test_an_answer_before_a_large_body_is_not_lost(stage: RecordingStage) -> None:
    head = a_request(b"POST /v1/responses", JSON, b"Content-Length: %d" % (10 * MEGABYTE))
    came = await refused(stage, head, *(b" " * 65536,) * 160)
    assert came.status == 413


async def test_a_head_that_does_not_come_to_its_end_is_408(stage: RecordingStage) -> None:
    came = await refused(stage, b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-A: ")
    assert (came.status, came.error["code"]) == (408, "header_timeout")


async def test_a_head_that_comes_byte_by_byte_has_no_longer_than_another(stage: RecordingStage) -> None:
    async with raw_client(stage.url) as client:
        await client.send(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-A: ")
        slowly = asyncio.ensure_future(dripping(client))
        came = await client.reply()
        slowly.cancel()
        await asyncio.gather(slowly, return_exceptions=True)
    assert (came.status, came.error["code"]) == (408, "header_timeout")


async def dripping(client: RawClient) -> None:
    for _ in range(100):
        await client.send(b"a")
        await asyncio.sleep(0.05)


async def test_a_second_head_has_no_longer_than_the_first(stage: RecordingStage) -> None:
    async with raw_client(stage.url) as client:
        assert (await client.ask(a_request(b"GET /v1/models"))).status == 200
        came = await client.ask(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-A: ")
    assert (came.status, came.error["code"]) == (408, "header_timeout")


async def test_a_connection_that_says_nothing_is_closed(stage: RecordingStage) -> None:
    async with raw_client(stage.url) as client:
        assert await client.rest() == b""


@pytest.mark.parametrize(
    "headers",
    [(b"POST /v1/responses", JSON), (b"POST /v1/files", FORM), (b"POST /v1/unheard", b"Content-Type: audio/wav")],
    ids=["json", "form", "bytes"],
)
async def test_a_body_that_does_not_come_to_its_end_is_408(headers: tuple[bytes, ...]) -> None:
    left = asyncio.Event()

    async def waiting(link: Link) -> None:
        try:
            await link.request()
        finally:
            left.set()

    async with staged(waiting, server=LIMITS) as stage:
        came = await stage.ask(a_request(*headers, b"Content-Length: 100") + b"--b\r\n")
        assert (came.status, came.error["code"]) == (408, "body_timeout")
        assert (await stage.record(came.audit_id))["status"] == 408
        if stage.upstream.links:
            await asyncio.wait_for(left.wait(), 1)


async def test_a_client_that_does_not_read_is_let_go_with_its_upstream() -> None:
    left = asyncio.Event()

    async def flooding(link: Link) -> None:
        await link.request()
        await link.send(chunked_head(b"Content-Type: audio/mpeg"))
        try:
            while True:
                await link.send(chunk(b"\x00" * 65536))
        finally:
            left.set()

    async with staged(flooding, server=LIMITS) as stage, raw_client(stage.url) as client:
        await client.send(a_request(b"POST /v1/audio/speech", body=b"{}"))
        head = await client.head()
        await asyncio.wait_for(left.wait(), 5)
        assert (await stage.record(head.audit_id))["outcome"] == "client_gone"


async def test_a_reply_over_the_limit_is_an_error_of_the_upstream() -> None:
    for answer in (
        reply(b"{}" + b" " * 2000, JSON),
        chunked_head(JSON) + chunk(b"{}" + b" " * 2000) + chunk(b""),
    ):
        async with staged(Recording(answer), upstream={"max_reply_bytes": 1000}) as stage:
            came = await stage.ask(a_request(body=b"{}"))
            assert (came.status, came.error["code"]) == (502, "upstream_reply_too_large")


async def test_bad_input_leaves_the_gateway_alive_and_small(tmp_path: Path) -> None:
    deep = b"[" * (40 * MEGABYTE)
    upstream = Recording()
    async with scripted_upstream(upstream) as scripted:
        with gateway_process(scripted.url, tmp_path) as gateway:
            async with raw_client(gateway.url) as client:
                assert (await client.ask(a_request(body=b"{}"))).status == 200
            before = gateway.peak_bytes()
            for body in (deep, b'{"a":' * MEGABYTE, b"1" * MEGABYTE, b'"' + b"\\u0000" * MEGABYTE):
                async with raw_client(gateway.url) as client:
                    assert (await client.ask(a_request(body=body))).status == 400
            for _ in range(50):
                async with raw_client(gateway.url) as client:
                    await client.send(
                        a_request(b"POST /v1/responses", JSON, b"Content-Length: 50000000") + deep[:65536]
                    )
            async with raw_client(gateway.url) as client:
                assert (await client.ask(a_request(body=b"{}"))).status == 200
            assert gateway.alive
            assert gateway.peak_bytes() - before < 6 * len(deep)
