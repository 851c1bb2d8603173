"""What is no HTTP/1.1 that can be read in one way is answered with 400 and a closed connection, or only closed."""

import asyncio

import pytest

from tests.builders.raw_client import RawReply, a_request, raw_client
from tests.builders.stage import RecordingStage

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOST = b"Host: gateway.test\r\nAuthorization: Bearer sk-test\r\n"
JSON = b"Content-Type: application/json\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST + JSON
NO_HTTP = {
    "nonsense": b"nonsense\r\n\r\n",
    "only NULs": b"\x00" * 100,
    "TLS": bytes.fromhex("16030100c5010000c10303") + b"\x5a" * 190,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "HTTP/0.9": b"GET /v1/models\r\n\r\n",
    "HTTP/1.2": b"GET /v1/models HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP/2.0 in text": b"GET /v1/models HTTP/2.0\r\n" + HOST + b"\r\n",
    "a lower-case version": b"GET /v1/models http/1.1\r\n" + HOST + b"\r\n",
    "a lower-case method": b"get /v1/models HTTP/1.1\r\n" + HOST + b"\r\n",
    "a mixed-case method": b"Get /v1/models HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method that nobody knows": b"FETCH /v1/models HTTP/1.1\r\n" + HOST + b"\r\n",
    "an empty line between": b"GET /v1/models HTTP/1.1\r\n" + HOST + b"\r\r\n\r\n",
    "a NUL in the URL": b"GET /v1/mo\x00dels HTTP/1.1\r\n" + HOST + b"\r\n",
    "a space in the URL": b"GET /v1/a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tab in the URL": b"GET /v1/a\tb HTTP/1.1\r\n" + HOST + b"\r\n",
    "UTF-8 in the URL": b"GET /v1/models/caf\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n",
    "no UTF-8 in the URL": b"GET /v1/models/\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "a NUL in a header": b"GET /v1/models HTTP/1.1\r\n" + HOST + b"X-A: a\x00b\r\n\r\n",
    "a NUL in a header's name": b"GET /v1/models HTTP/1.1\r\n" + HOST + b"X-\x00A: a\r\n\r\n",
    "a carriage return in a header": b"GET /v1/models HTTP/1.1\r\n" + HOST + b"X-A: a\rX-B: b\r\n\r\n",
    "a control character in a header": b"GET /v1/models HTTP/1.1\r\n" + HOST + b"X-A: a\x01b\r\n\r\n",
    "a space before the colon": b"GET /v1/models HTTP/1.1\r\n" + HOST + b"X-A : a\r\n\r\n",
    "a header without a name": b"GET /v1/models HTTP/1.1\r\n" + HOST + b": a\r\n\r\n",
    "a header without a colon": b"GET /v1/models HTTP/1.1\r\n" + HOST + b"X-A\r\n\r\n",
    "a folded header": b"GET /v1/models HTTP/1.1\r\n" + HOST + b"X-A: a\r\n b\r\n\r\n",
    "a tunnel": b"CONNECT other.test:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target without a slash": b"GET v1/models HTTP/1.1\r\n" + HOST + b"\r\n",
    "no target": b"GET HTTP/1.1\r\n" + HOST + b"\r\n",
    "a header before the first": b"GET /v1/models HTTP/1.1\r\n X-A: a\r\n" + HOST + b"\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}1",
    "two equal lengths": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "a negative length": POST + b"Content-Length: -2\r\n\r\n{}",
    "a signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "a hexadecimal length": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "an empty length": POST + b"Content-Length:\r\n\r\n{}",
    "a length beyond 64 bits": POST + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "a length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks and a length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks twice in two headers": POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks that are not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks that are packed": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "an unknown transfer": POST + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks under HTTP/1.0": POST.replace(b"/1.1", b"/1.0") + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "no Host": b"GET /v1/models HTTP/1.1\r\nAuthorization: Bearer sk-test\r\n\r\n",
    "two Hosts": b"GET /v1/models HTTP/1.1\r\n" + HOST + b"Host: other.test\r\n\r\n",
}
NO_PATH = (
    b"GET http://other.test/v1/models",
    b"GET http://gateway.test/v1/models",
    b"OPTIONS *",
    b"GET *",
    b"GET ?x",
)
BAD_CHUNKS = {
    "no size": b"\r\n{}\r\n0\r\n\r\n",
    "a size that is no number": b"zz\r\n{}\r\n0\r\n\r\n",
    "a negative size": b"-2\r\n{}\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "a size too small": b"1\r\n{}\r\n0\r\n\r\n",
    "bare line feeds": b"2\n{}\n0\n\n",
    "a NUL in an extension": b"2;a=\x00\r\n{}\r\n0\r\n\r\n",
}


async def nothing_came(stage: RecordingStage, request: bytes) -> RawReply | None:
    """Sends what must not reach the upstream; gives the refusal, None where the connection was only closed."""
    count = len(stage.script.requests)
    try:
        async with raw_client(stage.url) as client:
            await client.send(request)
            try:
                came = await client.reply()
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            if came.values(b"connection") == [b"close"]:
                assert await client.rest() == b""
            return came
    finally:
        assert len(stage.script.requests) == count


@pytest.mark.parametrize("request_", NO_HTTP.values(), ids=NO_HTTP.keys())
async def test_what_is_no_request_is_400(stage: RecordingStage, request_: bytes) -> None:
    came = await nothing_came(stage, request_)
    assert came is not None
    assert came.status == 400
    assert came.error["type"] == "invalid_request_error"
    assert came.value(b"connection") == b"close"


@pytest.mark.parametrize("line", NO_PATH)
async def test_a_target_that_is_no_path_of_ours_is_400(stage: RecordingStage, line: bytes) -> None:
    came = await nothing_came(stage, a_request(line))
    assert came is not None
    assert came.status == 400
    assert came.error["code"] in ("invalid_target", "invalid_http")


@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
@pytest.mark.parametrize("streamed", [False, True], ids=["read", "streamed"])
async def test_chunks_that_are_none_end_the_connection(stage: RecordingStage, body: bytes, streamed: bool) -> None:
    head = (POST.replace(JSON, b"Content-Type: audio/wav\r\n") if streamed else POST).replace(
        b"/v1/chat/completions", b"/v1/unheard"
    )
    came = await nothing_came(stage, head + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert came is None or came.error["code"] == "invalid_http"


async def test_two_keys_are_nobodys(stage: RecordingStage) -> None:
    came = await nothing_came(stage, a_request(b"GET /v1/models", b"Authorization: Bearer sk-other"))
    assert came is not None
    assert (came.status, came.error["code"]) == (401, "invalid_api_key")


async def test_a_key_that_is_no_text_is_a_key_like_another(stage: RecordingStage) -> None:
    came = await stage.sent(a_request(b"GET /v1/models", key=b"sk-\xff\xfe"))
    assert b"\r\nAuthorization: Bearer sk-\xff\xfe\r\n" in came.head


async def test_http_1_0_is_answered_and_closed(stage: RecordingStage) -> None:
    async with raw_client(stage.url) as client:
        came = await client.ask(a_request(b"GET /v1/models").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert (came.status, came.value(b"connection")) == (200, b"close")
        assert await client.rest() == b""


async def test_pipelined_requests_are_answered_in_turn(stage: RecordingStage) -> None:
    count = len(stage.script.requests)
    async with raw_client(stage.url) as client:
        await client.send(b"".join(a_request(b"POST /v1/x?%d" % number, body=b"%d" % number) for number in range(20)))
        ids = [(await client.reply()).audit_id for _ in range(20)]
    assert len(set(ids)) == 20
    came = stage.script.requests[count:]
    assert [(each.line, each.body) for each in came] == [
        (b"POST /v1/x?%d HTTP/1.1" % number, b"%d" % number) for number in range(20)
    ]


async def test_nothing_is_read_behind_a_request_that_is_none(stage: RecordingStage) -> None:
    smuggled = a_request(b"GET /v1/smuggled")
    both = POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled
    came = await nothing_came(stage, both)
    assert came is not None
    assert came.status == 400


async def test_nothing_is_carried_behind_an_answer_that_closes_the_connection(stage: RecordingStage) -> None:
    refused = a_request(b"POST /v1/x", b"Content-Length: 10", key=None)
    count = len(stage.script.requests)
    async with raw_client(stage.url) as client:
        assert (await client.ask(refused)).status == 401
        await client.send(b"0123456789" + a_request(b"POST /v1/x", body=b"{}"))
        assert await client.rest() == b""
    assert len(stage.script.requests) == count


async def test_a_good_request_before_a_bad_one_is_answered(stage: RecordingStage) -> None:
    async with raw_client(stage.url) as client:
        assert (await client.ask(a_request(b"GET /v1/models"))).status == 200
        assert (await client.ask(b"nonsense\r\n\r\n")).error["code"] == "invalid_http"
        assert await client.rest() == b""


async def test_a_request_byte_by_byte_is_a_request(stage: RecordingStage) -> None:
    request = a_request(b"POST /v1/x", body=b'{"a": 1}')
    stage.script.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    async with raw_client(stage.url) as client:
        for byte in request:
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.reply()).status == 200
    assert stage.script.last.body == b'{"a": 1}'
