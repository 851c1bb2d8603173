"""Server-sent events cross the gateway as they came, each at once, and a stream that broke never ends well."""

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable
from itertools import pairwise

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders.raw_client import RawReply, a_request, raw_client
from tests.builders.scripted_upstream import Link, chunk, chunked_head, reply
from tests.builders.stage import RecordingStage, staged

pytestmark = pytest.mark.asyncio(loop_scope="module")
STREAM = b"Content-Type: text/event-stream; charset=utf-8"
CHAT = a_request(body=b'{"model":"gpt-4o","stream":true,"messages":[]}')
RESPONSES = a_request(b"POST /v1/responses", body=b'{"model":"gpt-4o","stream":true,"input":"x"}')
COMPLETIONS = a_request(b"POST /v1/completions", body=b'{"model":"gpt-4o","stream":true,"prompt":"x"}')
UNKNOWN = a_request(b"POST /v1/unheard/of", body=b'{"stream":true}')
EVENTS = (
    b": a comment\n\n",
    b'data: {"choices":[{"index":0,"delta":{"content":"caf\xc3\xa9 \xf0\x9f\x98\x80"}}]}\n\n',
    b"event: thread.message\nid: 7\nretry: 10\ndata: one\ndata:two\ndata\n\n",
    b"unheard: of\n\n",
    b"data:\n\n",
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"n":1e-7}\n\n',
    b"data: [DONE]\n\n",
)
WHOLE = b"".join(EVENTS)


def streamed(data: bytes) -> bytes:
    """A whole reply whose body is these events in one chunk."""
    return chunked_head(STREAM) + chunk(data) + chunk(b"")


@pytest.mark.parametrize("request_", [CHAT, RESPONSES, COMPLETIONS, UNKNOWN], ids=["chat", "responses", "old", "none"])
async def test_each_event_is_at_the_client_before_the_next_one_is_sent(request_: bytes) -> None:
    seen = asyncio.Semaphore(0)

    async def one_by_one(link: Link) -> None:
        await link.request()
        await link.send(chunked_head(STREAM))
        for event in EVENTS:
            await link.send(chunk(event))
            await seen.acquire()
        await link.send(chunk(b""))

    async with staged(one_by_one) as stage, raw_client(stage.url) as client:
        await client.send(request_)
        head = await client.head()
        for event in EVENTS:
            assert await client.piece(head) == event
            seen.release()
        assert await client.piece(head) == b""
    assert (head.value(b"content-type"), head.framing) == (STREAM[14:], "chunked")


async def test_the_head_of_a_stream_is_at_the_client_before_its_first_event() -> None:
    seen = asyncio.Event()

    async def head_first(link: Link) -> None:
        await link.request()
        await link.send(chunked_head(STREAM, b"x-request-id: req_1"))
        await seen.wait()
        await link.send(chunk(WHOLE) + chunk(b""))

    async with staged(head_first) as stage, raw_client(stage.url) as client:
        await client.send(CHAT)
        head = await client.head()
        assert (head.status, head.value(b"x-request-id")) == (200, b"req_1")
        seen.set()
        assert b"".join([piece async for piece in client.pieces(head)]) == WHOLE


@pytest.mark.parametrize("line_end", [b"\r\n", b"\r", b"\n"])
async def test_every_line_end_of_the_standard_passes_as_it_came(stage: RecordingStage, line_end: bytes) -> None:
    data = b"\xef\xbb\xbf" + WHOLE.replace(b"\n", line_end)
    assert (await stage.answered(streamed(data), CHAT)).body == data


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(
    line_end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    cuts=st.lists(st.integers(1, len(WHOLE)), min_size=1, max_size=12),
    framed_alike=st.booleans(),
)
async def test_events_may_be_cut_anywhere(
    stage: RecordingStage, line_end: bytes, cuts: list[int], framed_alike: bool
) -> None:
    data = WHOLE.replace(b"\n", line_end)
    edges = sorted({0, *cuts, len(data)})
    parts = [data[start:end] for start, end in pairwise(edges)]
    if framed_alike:
        parts = [chunk(part) for part in parts]
    else:
        parts[0] = b"%x\r\n%b" % (len(data), parts[0])
        parts[-1] += b"\r\n"
    stage.script.pieces = (chunked_head(STREAM), *parts, chunk(b""))
    assert (await stage.ask(CHAT)).body == data


@pytest.mark.parametrize("request_", [CHAT, RESPONSES, COMPLETIONS, UNKNOWN], ids=["chat", "responses", "old", "none"])
async def test_done_is_not_said_where_the_upstream_did_not_say_it(stage: RecordingStage, request_: bytes) -> None:
    data = WHOLE.removesuffix(EVENTS[-1])
    assert (await stage.answered(streamed(data), request_)).body == data


async def test_what_follows_the_last_event_passes_as_it_came(stage: RecordingStage) -> None:
    for data in (WHOLE + b": late\n\n", WHOLE + b"data: half", b"data: nothing ends", b"", b"\n\n", b"\r"):
        assert (await stage.answered(streamed(data), CHAT)).body == data


async def test_an_event_of_two_megabytes_passes_as_it_came(stage: RecordingStage) -> None:
    data = b"data: " + b"x" * (2 << 20) + b"\n\n" + WHOLE
    assert (await stage.answered(streamed(data), CHAT)).body == data


async def test_a_connection_goes_on_after_a_stream(stage: RecordingStage) -> None:
    stage.script.answer = streamed(WHOLE)
    async with raw_client(stage.url) as client:
        for _ in range(3):
            assert (await client.ask(CHAT)).body == WHOLE


async def test_a_packed_stream_passes_as_it_came_and_at_once() -> None:
    packed = [gzip.compress(event, mtime=0) for event in EVENTS]
    seen = asyncio.Semaphore(0)

    async def one_by_one(link: Link) -> None:
        await link.request()
        await link.send(chunked_head(STREAM, b"Content-Encoding: gzip"))
        for event in packed:
            await link.send(chunk(event))
            await seen.acquire()
        await link.send(chunk(b""))

    async with staged(one_by_one) as stage, raw_client(stage.url) as client:
        await client.send(COMPLETIONS)  # which has no calls of tools, so that nobody reads what comes
        head = await client.head()
        assert head.value(b"content-encoding") == b"gzip"
        async with asyncio.timeout(2):
            for event in packed:
                assert await client.piece(head) == event
                seen.release()
        assert await client.piece(head) == b""


async def test_an_error_before_the_stream_is_plain_json_with_its_status(stage: RecordingStage) -> None:
    body = b'{"error":{"message":"slow down","type":"rate_limit_error","param":null,"code":null}}'
    came = await stage.answered(reply(body, b"Content-Type: application/json", status=b"429 Too Many"), CHAT)
    assert (came.status, came.value(b"content-type"), came.body) == (429, b"application/json", body)


async def test_an_error_event_in_the_middle_is_passed_on(stage: RecordingStage) -> None:
    data = EVENTS[1] + b'event: error\ndata: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
    came = await stage.answered(streamed(data), CHAT)
    assert (came.status, came.body) == (200, data)


async def reset(link: Link) -> None:
    link.reset()


async def cut_in_a_chunk(link: Link) -> None:
    await link.send(b"ff\r\ndata: {")


async def no_last_chunk(link: Link) -> None:
    pass


async def broken_framing(link: Link) -> None:
    await link.send(b"nonsense\r\n")
    await link.hung_up()


async def silence(link: Link) -> None:
    await link.hung_up()


async def half_an_event_and_silence(link: Link) -> None:
    await link.send(chunk(b'data: {"half'))
    await link.hung_up()


BREAKS = (
    pytest.param(reset, "upstream_broken", CHAT, id="reset"),
    pytest.param(cut_in_a_chunk, "upstream_broken", CHAT, id="cut-in-a-chunk"),
    pytest.param(no_last_chunk, "upstream_broken", CHAT, id="no-last-chunk"),
    pytest.param(broken_framing, "upstream_invalid", CHAT, id="broken-framing"),
    pytest.param(silence, "upstream_silent", CHAT, id="silence"),
    pytest.param(half_an_event_and_silence, "upstream_silent", CHAT, id="half-an-event"),
    pytest.param(reset, "upstream_broken", RESPONSES, id="responses"),
    pytest.param(reset, "upstream_broken", COMPLETIONS, id="completions"),
    pytest.param(reset, "upstream_broken", UNKNOWN, id="unknown"),
)


@pytest.mark.parametrize(("breaks", "code", "request_"), BREAKS)
async def test_a_broken_stream_ends_with_an_error_event_and_without_the_end_of_its_framing(
    breaks: Callable[[Link], Awaitable[None]], code: str, request_: bytes
) -> None:
    sent = b"".join(EVENTS[:4])
    seen = asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head(STREAM) + chunk(sent))
        await seen.wait()
        await breaks(link)

    async with staged(script, upstream={"between_chunks_timeout": 0.2}) as stage, raw_client(stage.url) as client:
        await client.send(request_)
        head = await client.head()
        assert await client.piece(head) == sent
        seen.set()
        last = await client.piece(head)
        assert await client.rest() == b""
        record = await stage.record(head.audit_id)
    assert error_of(last)["code"] == code
    assert (record["outcome"], record["status"]) == ("cut", 200)


def error_of(event: bytes) -> dict[str, object]:
    """The error that an event of the gateway's own says; fails where it is not one whole event."""
    lines = re.fullmatch(rb"(?:event: error\n)?data: ([^\n]+)\n\n", event)
    assert lines is not None, event
    error: dict[str, object] = msgspec.json.decode(lines[1])["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    return error


async def test_a_stream_that_breaks_before_its_head_is_a_plain_error() -> None:
    async def script(link: Link) -> None:
        await link.request()

    async with staged(script) as stage:
        came: RawReply = await stage.ask(CHAT)
    assert (came.status, came.error["code"]) == (502, "upstream_broken")


async def test_a_stream_without_framing_that_ends_early_is_no_good_end() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\n" + STREAM + b"\r\n\r\n" + EVENTS[1])

    async with staged(script) as stage, raw_client(stage.url) as client:
        await client.send(CHAT)
        head = await client.head()
        assert await client.piece(head) == EVENTS[1]
        assert error_of(await client.piece(head))["code"] == "upstream_broken"
        assert await client.rest() == b""


async def test_a_stream_without_framing_that_says_its_end_ends_well() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\n" + STREAM + b"\r\n\r\n" + WHOLE)

    async with staged(script) as stage:
        assert (await stage.ask(CHAT)).body == WHOLE


SPEAKING = (
    pytest.param(CHAT, b'data: {"choices":[{"index":0,"delta":{"content":"say [DONE] then"}}]}\n\n', id="chat"),
    pytest.param(
        RESPONSES,
        b'event: response.created\ndata: {"type":"response.created","response":{"error":null,"x":"event: error"}}\n\n',
        id="responses",
    ),
)


@pytest.mark.parametrize(("request_", "event"), SPEAKING)
async def test_a_stream_that_only_speaks_of_its_end_has_not_ended(request_: bytes, event: bytes) -> None:
    seen = asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head(STREAM) + chunk(event))
        await seen.wait()
        link.reset()

    async with staged(script) as stage, raw_client(stage.url) as client:
        await client.send(request_)
        head = await client.head()
        assert await client.piece(head) == event
        seen.set()
        assert error_of(await client.piece(head))["code"] == "upstream_broken"
        assert (await stage.record(head.audit_id))["outcome"] == "cut"


async def test_a_stream_that_breaks_after_its_last_event_has_ended_well() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head(STREAM) + chunk(WHOLE))

    async with staged(script) as stage:
        came = await stage.ask(CHAT)
        assert came.body == WHOLE
        assert (await stage.record(came.audit_id))["outcome"] == "answered"
