"""Status, headers and bytes of a reply come back as the upstream sent them, under one framing."""

import gzip
import zlib

import pytest

from tests.builders.raw_client import a_request, raw_client
from tests.builders.scripted_upstream import chunk, chunked_head, reply
from tests.builders.stage import RecordingStage

pytestmark = pytest.mark.asyncio(loop_scope="module")
JSON = b"Content-Type: application/json"
KEPT = (
    b"Date: Fri, 20 Nov 2026 09:00:00 GMT",
    b"Content-Type: application/json; charset=utf-8 ;x=1",
    b"x-request-id: req_1",
    b"OpenAI-Organization: org-1",
    b"openai-processing-ms: 12",
    b"openai-version: 2020-10-01",
    b"openai-model: gpt-4o-2024-08-06",
    b"x-ratelimit-limit-requests: 10000",
    b"x-ratelimit-remaining-tokens: 1",
    b"X-RateLimit-Reset-Tokens: 6m0s",
    b"Retry-After: 2",
    b"retry-after-ms: 1500",
    b"x-should-retry: false",
    b"Set-Cookie: a=1; Path=/",
    b"Set-Cookie: b=2; Path=/",
    b'ETag: W/"1"',
    b"Link: </v1>; rel=self",
    b'alt-svc: h3=":443"',
    b"Server: \xfcnusual",
    b"X-Empty: ",
)
USAGE = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}'
)
POST = a_request(body=b"{}")
# Replies that hold no calls of tools: nobody has to read them.
EMBED = a_request(b"POST /v1/embeddings", body=b"{}")
SPEECH = a_request(b"POST /v1/audio/speech", body=b"{}")
GET = a_request(b"GET /v1/models")


async def test_headers_come_back_with_their_spelling_in_their_order_and_as_often_as_they_came(
    stage: RecordingStage,
) -> None:
    came = await stage.answered(reply(b"{}", *KEPT), POST)
    pairs = [(name, value.strip()) for name, _, value in (line.partition(b": ") for line in KEPT)]
    assert list(came.headers[: len(KEPT)]) == pairs
    assert [name for name, _ in came.headers[len(KEPT) :]] == [
        b"x-lukhas-audit-id",
        b"x-lukhas-safety-mode",
        b"content-length",
    ]


async def test_what_is_between_the_gateway_and_the_upstream_ends_at_the_gateway(stage: RecordingStage) -> None:
    between = (b"Connection: keep-alive, X-Hop", b"Keep-Alive: timeout=5", b"X-Hop: 1", b"Proxy-Authenticate: Basic")
    came = await stage.answered(reply(b"{}", JSON, *between, b"x-lukhas-audit-id: A-another", b"X-After: 1"), POST)
    names = [name.lower() for name, _ in came.headers]
    assert names == [b"content-type", b"x-after", b"x-lukhas-audit-id", b"x-lukhas-safety-mode", b"content-length"]
    assert came.audit_id != "A-another"


@pytest.mark.parametrize("status", [b"200 OK", b"201 Made", b"202 Accepted", b"299 Odd", b"418 I'm a teapot", b"520 "])
async def test_the_status_and_its_reason_come_back(stage: RecordingStage, status: bytes) -> None:
    came = await stage.answered(reply(b"{}", JSON, status=status), POST)
    assert b"%d %b" % (came.status, came.reason) == status


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 529])
async def test_an_error_of_the_upstream_comes_back_as_it_was_sent(stage: RecordingStage, status: int) -> None:
    body = b'{ "error": {"message": "no", "type": "x", "param": null, "code": 1e-7} }'
    came = await stage.answered(reply(body, JSON, b"retry-after-ms: 20", status=b"%d Upstream" % status), POST)
    assert (came.status, came.body, came.value(b"retry-after-ms")) == (status, body, b"20")


async def test_an_error_that_is_no_json_comes_back_as_it_was_sent(stage: RecordingStage) -> None:
    came = await stage.answered(
        reply(b"<h1>Bad gateway</h1>", b"Content-Type: text/html", status=b"502 Bad Gateway"), POST
    )
    assert (came.status, came.value(b"content-type"), came.body) == (502, b"text/html", b"<h1>Bad gateway</h1>")


async def test_json_that_is_none_comes_back_as_it_was_sent(stage: RecordingStage) -> None:
    for body in (b'{"half', b"\xff\xfe", b"", b"[" * 100_000, b'{"a":1,"a":2}'):
        assert (await stage.answered(reply(body, JSON), POST)).body == body


@pytest.mark.parametrize("code", [b"301 Moved", b"302 Found", b"303 See Other", b"307 Temporary", b"308 Permanent"])
async def test_a_redirect_is_relayed_and_not_followed(stage: RecordingStage, code: bytes) -> None:
    count = len(stage.script.requests)
    answer = reply(b"", b"Location: http://elsewhere.test/v1/x?y=%2F", status=code)
    came = await stage.answered(answer, a_request(b"GET /v1/files/file-1/content"))
    assert (came.status, came.value(b"location")) == (int(code[:3]), b"http://elsewhere.test/v1/x?y=%2F")
    assert len(stage.script.requests) == count + 1


async def test_json_that_came_in_chunks_has_one_framing_header(stage: RecordingStage) -> None:
    came = await stage.answered(chunked_head(JSON) + chunk(b'{"a"') + chunk(b":1}") + chunk(b""), POST)
    assert (came.framing, came.body) == ("length", b'{"a":1}')


async def test_bytes_that_came_in_chunks_go_out_in_chunks(stage: RecordingStage) -> None:
    came = await stage.answered(
        chunked_head(b"Content-Type: audio/mpeg") + chunk(b"one") + chunk(b"two") + chunk(b""), SPEECH
    )
    assert (came.framing, came.body) == ("chunked", b"onetwo")


async def test_the_trailers_of_chunks_end_at_the_gateway(stage: RecordingStage) -> None:
    came = await stage.answered(
        chunked_head(b"Content-Type: audio/mpeg") + chunk(b"one") + b"0\r\nX-Sum: 1\r\n\r\n", SPEECH
    )
    assert (came.framing, came.body, came.values(b"x-sum")) == ("chunked", b"one", [])


async def test_bytes_of_known_length_keep_their_length(stage: RecordingStage) -> None:
    came = await stage.answered(reply(b"12345", b"Content-Type: audio/mpeg"), POST)
    assert (came.framing, came.body) == ("length", b"12345")


async def test_an_early_hint_of_the_upstream_is_not_taken_for_its_answer(stage: RecordingStage) -> None:
    came = await stage.answered(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + reply(b"{}", JSON), POST)
    assert (came.status, came.body, came.values(b"link")) == (200, b"{}", [])


async def test_the_answer_to_head_has_the_headers_of_get_and_no_body(stage: RecordingStage) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1234\r\n\r\n"
    came = await stage.answered(answer, a_request(b"HEAD /v1/models"), b"HEAD")
    assert (came.status, came.value(b"content-length"), came.body) == (200, b"1234", b"")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_a_status_without_a_body_has_none_and_the_connection_goes_on(
    stage: RecordingStage, status: bytes
) -> None:
    links = len(stage.upstream.links)
    stage.script.answer = b"HTTP/1.1 " + status + b"\r\nETag: 1\r\n\r\n"
    async with raw_client(stage.url) as client:
        for _ in range(3):
            came = await client.ask(a_request(b"DELETE /v1/files/file-1"))
            assert (came.status, came.body, came.values(b"content-length")) == (int(status[:3]), b"", [])
    assert len(stage.upstream.links) <= links + 1


async def test_a_304_keeps_the_length_that_it_names(stage: RecordingStage) -> None:
    came = await stage.answered(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", GET)
    assert (came.status, came.values(b"content-length"), came.body) == (304, [b"99"], b"")


async def test_a_204_has_no_length_even_where_the_upstream_names_one(stage: RecordingStage) -> None:
    came = await stage.answered(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", GET)
    assert (came.status, came.values(b"content-length")) == (204, [])


@pytest.mark.parametrize(
    ("encoding", "packed"), [(b"gzip", gzip.compress(USAGE, mtime=0)), (b"deflate", zlib.compress(USAGE))]
)
async def test_a_packed_reply_comes_back_packed_and_its_tokens_are_counted(
    stage: RecordingStage, encoding: bytes, packed: bytes
) -> None:
    request = a_request(b"POST /v1/chat/completions", b"Accept-Encoding: gzip, deflate", body=b"{}")
    came = await stage.answered(reply(packed, JSON, b"Content-Encoding: " + encoding), request)
    record = await stage.record(came.audit_id)
    assert (came.value(b"content-encoding"), came.body) == (encoding, packed)
    assert (record["usage"]["input_tokens"], record["usage"]["output_tokens"]) == (3, 4)


async def test_a_packing_that_nobody_here_reads_comes_back_as_it_came(stage: RecordingStage) -> None:
    came = await stage.answered(reply(b"\x8b\x01\x80{}\x03", JSON, b"Content-Encoding: br"), EMBED)
    assert (came.value(b"content-encoding"), came.body) == (b"br", b"\x8b\x01\x80{}\x03")


async def test_a_packed_reply_that_is_broken_or_a_bomb_comes_back_as_it_came(stage: RecordingStage) -> None:
    for packed in (gzip.compress(USAGE, mtime=0)[:-9], b"no gzip", gzip.compress(b" " * (64 << 20))):
        assert (await stage.answered(reply(packed, JSON, b"Content-Encoding: gzip"), EMBED)).body == packed


async def test_nothing_is_packed_that_came_plain(stage: RecordingStage) -> None:
    body = b'{"a": "' + b"a" * 100_000 + b'"}'
    request = a_request(b"POST /v1/chat/completions", b"Accept-Encoding: gzip", body=b"{}")
    came = await stage.answered(reply(body, JSON), request)
    assert (came.values(b"content-encoding"), came.body) == ([], body)


async def test_a_client_of_http_1_0_gets_the_bytes_until_the_connection_closes(stage: RecordingStage) -> None:
    request = a_request(b"GET /v1/files/file-1/content").replace(b"HTTP/1.1", b"HTTP/1.0")
    came = await stage.answered(chunked_head(b"Content-Type: audio/mpeg") + chunk(b"one") + chunk(b""), request)
    assert (came.framing, came.body) == ("close", b"one")


async def test_one_connection_carries_exchange_after_exchange_at_both_ends(stage: RecordingStage) -> None:
    links = len(stage.upstream.links)
    stage.script.answer = reply(b"{}", JSON)
    async with raw_client(stage.url) as client:
        ids = {(await client.ask(GET)).audit_id for _ in range(3)}
    assert len(ids) == 3
    assert len(stage.upstream.links) <= links + 1
