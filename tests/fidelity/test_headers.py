"""Request headers cross the gateway as they came, but for those that end here."""

import pytest

from tests.builders.raw_client import a_request
from tests.builders.scripted_upstream import ReceivedRequest
from tests.builders.stage import RecordingStage, headers_of, recording_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEPT = (
    b"OpenAI-Beta: assistants=v2",
    b"OpenAI-Organization: org-1",
    b"openai-project: proj_1",
    b"Idempotency-Key: 7c6b",
    b"X-Client-Request-Id: mine-1",
    b"X-Stainless-Lang: python",
    b"x-stainless-retry-count: 0",
    b"X-STAINLESS-Raw-Response: true",
    b"User-Agent: OpenAI/Python 3.51.0",
    b"Accept: application/json, text/event-stream",
    b"Accept-Language: de, *;q=0.5",
    b"Cookie: a=1; b=2",
    b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    b"tracestate: a=1",
    b"baggage: k=v",
    b"X-Unheard-Of: \xe4 1",
    b"x-unheard-of: 2",
    b"X-Empty: ",
    b'If-None-Match: W/"1"',
    b"Range: bytes=0-9",
    b"Forwarded: for=192.0.2.1",
)
ENDING = (
    b"Keep-Alive: timeout=5",
    b"Proxy-Connection: keep-alive",
    b"Proxy-Authorization: Basic eDp5",
    b"TE: trailers",
    b"Trailer: X-Sum",
    b"X-Api-Key: lk-something",
    b"x-lukhas-tools: retrieval",
    b"X-Lukhas-Signals: stress=1",
    b"x-lukhas-explain: 1",
    b"x-lukhas-anything: 1",
)


def pair(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b": ")
    return name, value.strip(b" ")


async def test_headers_arrive_with_their_spelling_and_in_their_order(stage: RecordingStage) -> None:
    came = await stage.sent(a_request(b"GET /v1/models", *KEPT))
    assert headers_of(came)[1:] == [(b"Authorization", b"Bearer sk-test"), *map(pair, KEPT)]


async def test_the_host_is_the_one_of_the_upstream(stage: RecordingStage) -> None:
    came = await stage.sent(a_request(b"GET /v1/models"))
    assert headers_of(came)[0] == (b"Host", stage.upstream.url.removeprefix("http://").encode())
    assert came.head.lower().count(b"\r\nhost:") == 1


@pytest.mark.parametrize("ending", ENDING)
async def test_what_is_between_the_client_and_the_gateway_ends_there(stage: RecordingStage, ending: bytes) -> None:
    came = await stage.sent(a_request(b"GET /v1/models", ending, b"X-After: 1"))
    assert [name for name, _ in headers_of(came)] == [b"Host", b"Authorization", b"X-After"]


async def test_the_headers_that_connection_names_end_at_the_gateway(stage: RecordingStage) -> None:
    named = (b"Connection: keep-alive", b"X-One: 1", b"Connection: X-One , x-TWO", b"X-Two: 2", b"X-Three: 3")
    came = await stage.sent(a_request(b"GET /v1/models", *named))
    assert [name for name, _ in headers_of(came)] == [b"Host", b"Authorization", b"X-Three"]


async def test_an_upgrade_to_another_protocol_is_not_passed_on(stage: RecordingStage) -> None:
    offered = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQ")
    came = await stage.sent(a_request(b"GET /v1/models", *offered))
    assert [name for name, _ in headers_of(came)] == [b"Host", b"Authorization"]


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (b"gzip, deflate, br, zstd", b"gzip, deflate"),
        (b"br", b"identity"),
        (b"GZIP;q=0.5, identity;q=1", b"GZIP;q=0.5, identity;q=1"),
        (b"*", b"identity"),
    ],
)
async def test_the_accepted_encodings_are_cut_to_those_that_the_gateway_reads(
    stage: RecordingStage, asked: bytes, left: bytes
) -> None:
    came = await stage.sent(a_request(b"GET /v1/models", b"Accept-Encoding: " + asked))
    assert (b"Accept-Encoding", left) in headers_of(came)


async def test_no_encoding_is_asked_for_that_the_client_did_not_ask_for(stage: RecordingStage) -> None:
    came = await stage.sent(a_request(b"GET /v1/models"))
    assert b"accept-encoding" not in came.head.lower()


async def test_a_request_has_exactly_one_framing_header_at_the_upstream(stage: RecordingStage) -> None:
    assert framing(await stage.sent(a_request(b"GET /v1/models"))) == []
    assert framing(await stage.sent(a_request(body=b"{}"))) == [(b"content-length", b"2")]
    chunked = a_request(b"POST /v1/unheard", b"Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n\r\n"
    assert framing(await stage.sent(chunked)) == [(b"transfer-encoding", b"chunked")]


def framing(came: ReceivedRequest) -> list[tuple[bytes, bytes]]:
    pairs = [(name.lower(), value) for name, value in headers_of(came)]
    return [each for each in pairs if each[0] in (b"content-length", b"transfer-encoding")]


async def test_the_callers_own_key_goes_upstream_and_a_gateway_key_never_does() -> None:
    keys = {"keys": [{"key": "lk-one"}], "passthrough": True}
    async with recording_stage(upstream={"api_key": "sk-operator"}, auth=keys) as stage:
        mine = await stage.sent(a_request(b"GET /v1/models", key=b"sk-mine"))
        assert (b"Authorization", b"Bearer sk-mine") in headers_of(mine)
        given = await stage.sent(a_request(b"GET /v1/models", key=b"lk-one"))
        assert (b"Authorization", b"Bearer sk-operator") in headers_of(given)
        assert b"lk-one" not in given.head
        assert (await stage.ask(a_request(b"GET /v1/models", key=b"lk-unknown"))).status == 401
        assert len(stage.script.requests) == 2
