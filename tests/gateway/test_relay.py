"""How a reply goes to the client: each event at once, the last bytes behind the record."""

import asyncio
import gzip
from pathlib import Path
from typing import Any

import pytest

from gateway import Refusal, hookimpl
from gateway.exchange import Exchange, Headers, Outcome, Received
from gateway.pipeline import Sizes
from gateway.relay import Relay
from gateway.testing import an_exchange
from gateway.transport import ReplyTooLarge, Take, UpstreamBroken
from tests.builders.fake_client import FakeClient
from tests.builders.fake_transport import (
    EVENTS,
    JSON,
    FakeReply,
    FakeTransport,
    a_chat_reply,
    a_stream,
    chat_body,
    chat_events,
)
from tests.builders.pipelines import Passages

CHUNKED: Headers = (*EVENTS, (b"Transfer-Encoding", b"chunked"))
OCTETS: Headers = ((b"Content-Type", b"application/octet-stream"),)


class Relaying:
    """A relay with a fake at each side; `seen` is what the client had when the record was written."""

    def __init__(
        self,
        folder: Path,
        reply: FakeReply,
        *,
        method: bytes = b"POST",
        path: str = "/v1/chat/completions",
        **sizes: int,
    ) -> None:
        self.client = FakeClient(method=method)
        self.exchange: Exchange = an_exchange(path=path, stream=True)
        self.exchange.received = Received(method, path.encode(), ())
        self.outcome: Outcome | None = None
        self.seen: list[bytes] | None = None
        self.refusal: Refusal | None = None
        pipeline = Passages(folder, sizes=Sizes(**{"json_body": 1 << 20, "body": 1 << 20, **sizes})).pipeline
        self.relay = Relay(pipeline, self.exchange, self.client, reply, self._ended)

    async def _ended(self, outcome: Outcome) -> Refusal | None:
        assert self.outcome is None, "a second record"
        self.outcome = outcome
        self.seen = list(self.client.pieces)
        return self.refusal

    async def run(self) -> Refusal | None:
        async with asyncio.timeout(5):
            return await self.relay.run()

    @property
    def json(self) -> Any:
        assert self.exchange.reply is not None
        return self.exchange.reply.json


async def relayed(folder: Path, reply: FakeReply, **options: Any) -> Relaying:
    relaying = Relaying(folder, reply, **options)
    assert await relaying.run() is None
    return relaying


def whole_events(stream: bytes) -> bool:
    comments = stream.endswith((b"\n", b"\r")) and all(line.startswith(b":") for line in stream.splitlines())
    return comments or stream.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))


async def test_heartbeats_without_a_blank_line_go_out_at_once(tmp_path: Path) -> None:
    beats = (b":\n", b": still here\r\n", b"data: {}\n\n")
    relaying = await relayed(tmp_path, FakeReply(*beats, headers=CHUNKED))
    assert tuple(relaying.client.pieces) == beats


# Whole replies.


async def test_a_json_reply_goes_out_whole_with_its_status_reason_and_headers(tmp_path: Path) -> None:
    body = chat_body()
    reply = FakeReply(body[:9], body[9:], status=201, reason=b"Made", headers=(*JSON, (b"X-Request-Id", b"1")))
    relaying = await relayed(tmp_path, reply)
    client = relaying.client
    assert (client.status, client.reason, client.pieces, client.ending) == (201, b"Made", [body], "answered")
    assert client.headers == (
        *reply.headers,
        (b"x-lukhas-audit-id", relaying.exchange.id.encode()),
        (b"x-lukhas-safety-mode", b"balanced"),
    )
    assert (relaying.outcome, relaying.seen) == ("answered", [])
    assert relaying.json["choices"][0]["message"]["content"] == "Hello"


@pytest.mark.parametrize("body", [b"{", b"\xff", b"", b"[" * 100_000])
async def test_a_json_reply_that_is_none_goes_out_as_it_came(tmp_path: Path, body: bytes) -> None:
    relaying = await relayed(tmp_path, FakeReply(body))
    assert relaying.client.sent == body
    assert relaying.json is None


async def test_a_packed_json_reply_goes_out_packed_and_is_read_beside_it(tmp_path: Path) -> None:
    packed = gzip.compress(chat_body(), mtime=0)
    relaying = await relayed(tmp_path, FakeReply(packed, headers=(*JSON, (b"Content-Encoding", b"gzip"))))
    assert (relaying.client.sent, relaying.client.header(b"content-encoding")) == (packed, b"gzip")
    assert relaying.json["model"] == "gpt-4o-mini-2024"


async def test_a_json_reply_of_an_announced_size_above_the_limit_streams_through(tmp_path: Path) -> None:
    relaying = await relayed(tmp_path, FakeReply(b"[1,", b"2]", length=True), json_body=4)
    assert (relaying.client.pieces, relaying.client.announced) == ([b"[1,", b"2]"], 5)
    assert relaying.exchange.reply is not None
    assert relaying.exchange.reply.body is None


async def test_a_json_reply_that_grows_above_the_limit_is_refused(tmp_path: Path) -> None:
    relaying = Relaying(tmp_path, FakeReply(b"[1,", b"2]"), json_body=4)
    refusal = await relaying.run()
    assert refusal is not None
    assert (refusal.code, relaying.client.status) == ("upstream_reply_too_large", 0)
    assert relaying.exchange.error is not None
    assert relaying.exchange.error.startswith(ReplyTooLarge.__name__)


async def test_a_refused_record_keeps_a_whole_reply_back(tmp_path: Path) -> None:
    relaying = Relaying(tmp_path, a_chat_reply())
    relaying.refusal = Refusal("No.")
    assert await relaying.run() is relaying.refusal
    assert (relaying.client.status, relaying.relay.started) == (0, False)


@pytest.mark.parametrize(
    ("method", "status", "headers", "announced"),
    [
        (b"HEAD", 200, (*JSON, (b"Content-Length", b"7")), 7),
        (b"HEAD", 200, JSON, None),
        (b"GET", 204, (), None),
        (b"GET", 304, ((b"ETag", b"1"),), None),
    ],
)
async def test_a_reply_without_a_body_has_none_here(
    tmp_path: Path, method: bytes, status: int, headers: Headers, announced: int | None
) -> None:
    relaying = await relayed(tmp_path, FakeReply(status=status, headers=headers), method=method)
    client = relaying.client
    assert (client.status, client.announced, client.pieces, client.ending) == (status, announced, [], "finished")
    assert relaying.outcome == "answered"


# Other bodies.


@pytest.mark.parametrize("length", [True, False])
async def test_a_body_goes_out_piece_by_piece_and_its_end_behind_the_record(tmp_path: Path, length: bool) -> None:
    pieces = [b"ab", b"c", b"def"]
    relaying = await relayed(tmp_path, FakeReply(*pieces, headers=OCTETS, length=length))
    client = relaying.client
    assert (client.pieces, client.announced, client.ending) == (pieces, 6 if length else None, "finished")
    assert relaying.seen == (pieces[:-1] if length else pieces)
    assert relaying.outcome == "answered"


async def test_each_piece_goes_out_before_the_next_one_comes(tmp_path: Path) -> None:
    seen: list[list[bytes]] = []
    reply = FakeReply(b"a", lambda: seen.append(list(relaying.client.pieces)), b"b", headers=OCTETS)
    relaying = Relaying(tmp_path, reply)
    await relaying.run()
    assert seen == [[b"a"]]


async def test_a_body_that_breaks_off_is_cut(tmp_path: Path) -> None:
    relaying = await relayed(tmp_path, FakeReply(b"a", UpstreamBroken("reset"), headers=OCTETS))
    assert (relaying.client.pieces, relaying.client.ending, relaying.outcome) == ([b"a"], "aborted", "cut")
    assert relaying.exchange.error == "UpstreamBroken: reset"
    assert relaying.exchange.reply is not None
    assert not relaying.exchange.reply.whole


# Streams of events.

CRLF = b": a comment\r\n\r\nevent: x\r\nid: 1\r\ndata: {}\r\n\r\ndata: [DONE]\r\n\r\n"
CR = b"data: {}\r\rdata: [DONE]\r\r"
LF = b': ping\n\ndata: {"a":"Gr\xc3\xbc\xc3\x9fe"}\n\ndata: [DONE]\n\n'
BEHIND = LF + b"data: late\n\nhalf an ev"


@pytest.mark.parametrize("stream", [LF, CRLF, CR, BEHIND], ids=["LF", "CRLF", "CR", "more behind the end"])
async def test_a_stream_passes_as_it_came_wherever_it_is_cut_in_two(tmp_path: Path, stream: bytes) -> None:
    for at in range(1, len(stream)):
        relaying = await relayed(tmp_path / str(at), FakeReply(stream[:at], stream[at:], headers=CHUNKED))
        assert relaying.client.sent == stream
        assert (relaying.client.ending, relaying.outcome) == ("finished", "answered")
        *events, _ = relaying.client.pieces
        assert all(whole_events(piece) for piece in events), f"half an event went out, cut at {at}"
        assert b"[DONE]" not in b"".join(relaying.seen or []), f"the end went out before the record, cut at {at}"


@pytest.mark.parametrize("stream", [LF, CRLF, CR], ids=["LF", "CRLF", "CR"])
async def test_byte_after_byte_each_event_goes_out_once_it_is_whole(tmp_path: Path, stream: bytes) -> None:
    reply = FakeReply(*(stream[at : at + 1] for at in range(len(stream))), headers=CHUNKED)
    relaying = await relayed(tmp_path, reply)
    assert relaying.client.sent == stream
    assert len(relaying.client.pieces) == stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n\n")


async def test_an_event_goes_out_while_the_next_one_has_not_come(tmp_path: Path) -> None:
    first, *_ = chat_events()
    waits = asyncio.Event()
    relaying = Relaying(tmp_path, a_stream(first, b"data: {", waits, b"}\n\ndata: [DONE]\n\n"))
    task = asyncio.ensure_future(relaying.run())
    for _ in range(10):
        await asyncio.sleep(0)
    assert (relaying.client.pieces, relaying.outcome) == ([first], None)
    waits.set()
    await task
    assert relaying.client.sent == first + b"data: {}\n\ndata: [DONE]\n\n"


async def test_the_last_event_waits_for_the_record(tmp_path: Path) -> None:
    relaying = await relayed(tmp_path, a_stream())
    assert relaying.seen == chat_events()[:-1]
    assert relaying.json["choices"][0]["message"]["content"] == "Hello"


async def test_what_comes_with_the_last_event_does_not_wait_for_the_record_with_it(tmp_path: Path) -> None:
    relaying = await relayed(tmp_path, FakeReply(b"".join(chat_events()), headers=EVENTS))
    assert b"".join(relaying.seen or ()) == b"".join(chat_events()[:-1])
    assert b"".join(relaying.client.pieces) == b"".join(chat_events())


async def test_a_refused_record_keeps_the_last_event_back(tmp_path: Path) -> None:
    relaying = Relaying(tmp_path, a_stream())
    relaying.refusal = Refusal("No.")
    assert await relaying.run() is None
    assert (relaying.client.pieces, relaying.client.ending) == (chat_events()[:-1], "aborted")


async def test_a_stream_without_a_last_event_ends_as_its_framing_does(tmp_path: Path) -> None:
    events = chat_events(done=False)
    framed = await relayed(tmp_path / "1", FakeReply(*events, headers=CHUNKED))
    assert (framed.client.sent, framed.client.ending, framed.outcome) == (b"".join(events), "finished", "answered")
    unframed = await relayed(tmp_path / "2", FakeReply(*events, headers=EVENTS))
    assert (unframed.client.ending, unframed.outcome) == ("aborted", "cut")
    assert b'data: {"error":' in unframed.client.pieces[-1]


@pytest.mark.parametrize("cut", [b"", b"data: {", b"data: [DON"])
async def test_a_stream_that_breaks_off_ends_with_an_error_event_of_its_own(tmp_path: Path, cut: bytes) -> None:
    event, *_ = chat_events()
    pieces = [event, cut] if cut else [event]
    relaying = await relayed(tmp_path, FakeReply(*pieces, UpstreamBroken("reset"), headers=CHUNKED))
    first, error = relaying.client.pieces
    assert first == event
    assert error.startswith(b'data: {"error":{"message":') and whole_events(error)
    assert (relaying.client.ending, relaying.outcome) == ("aborted", "cut")
    assert relaying.json["choices"][0]["message"]["content"] == "Hel"


async def test_a_stream_of_a_response_breaks_off_with_an_event_of_its_format(tmp_path: Path) -> None:
    reply = FakeReply(b'event: x\ndata: {"type":"x"}\n\n', UpstreamBroken("reset"), headers=CHUNKED)
    relaying = await relayed(tmp_path, reply, path="/v1/responses")
    assert relaying.client.pieces[-1].startswith(b'event: error\ndata: {"type":"error"')


async def test_what_breaks_behind_the_last_event_is_no_trouble(tmp_path: Path) -> None:
    relaying = await relayed(tmp_path, FakeReply(*chat_events(), UpstreamBroken("reset"), headers=CHUNKED))
    assert (relaying.client.sent, relaying.client.ending) == (b"".join(chat_events()), "finished")
    assert (relaying.outcome, relaying.exchange.error) == ("answered", None)


async def test_what_is_longer_than_any_event_does_not_wait(tmp_path: Path) -> None:
    long = b"data: " + b"x" * (1 << 20)
    relaying = await relayed(tmp_path, FakeReply(long, b"y\n\n", headers=CHUNKED))
    assert relaying.client.pieces == [long, b"y\n\n"]


async def test_packed_events_go_out_as_they_come_and_are_read_beside_it(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(chat_events()))
    pieces = [packed[:20], packed[20:]]
    relaying = await relayed(tmp_path, FakeReply(*pieces, headers=(*CHUNKED, (b"Content-Encoding", b"gzip"))))
    assert (relaying.client.pieces, relaying.client.ending) == (pieces, "finished")
    assert relaying.json["choices"][0]["message"]["content"] == "Hello"


async def test_packed_events_that_break_off_are_cut_without_plain_bytes_behind_them(tmp_path: Path) -> None:
    reply = FakeReply(b"\x1f\x8b", UpstreamBroken("reset"), headers=(*CHUNKED, (b"Content-Encoding", b"gzip")))
    relaying = await relayed(tmp_path, reply)
    assert (relaying.client.pieces, relaying.client.ending, relaying.outcome) == ([b"\x1f\x8b"], "aborted", "cut")


async def test_no_more_of_a_stream_is_kept_than_the_sizes_allow(tmp_path: Path) -> None:
    events = chat_events(["a" * 100] * 50)
    relaying = await relayed(tmp_path, FakeReply(*events, headers=CHUNKED), kept_reply=1000)
    assert relaying.client.sent == b"".join(events)
    assert relaying.exchange.reply is not None
    assert 0 < len(relaying.exchange.reply.body or b"") < 1000 + len(events[0])


async def test_a_stream_that_was_not_kept_to_its_end_is_not_whole(tmp_path: Path) -> None:
    relaying = await relayed(tmp_path, FakeReply(*chat_events(["a" * 100] * 50), headers=CHUNKED), kept_reply=1000)
    assert relaying.exchange.reply is not None
    assert not relaying.exchange.reply.whole


# A client that leaves.


@pytest.mark.parametrize(("pieces", "text"), [([], None), (chat_events()[:1], "Hel")])
async def test_a_stream_that_was_left_is_noted_as_far_as_it_came(
    tmp_path: Path, pieces: list[bytes], text: str | None
) -> None:
    relaying = Relaying(tmp_path, a_stream(*pieces, asyncio.Event()))
    task = asyncio.ensure_future(relaying.relay.run())
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    relaying.relay.left()
    reply = relaying.exchange.reply
    assert reply is not None
    assert (reply.whole, reply.streamed, reply.status) == (False, True, 200)
    assert (reply.json["choices"][0]["message"]["content"] if text else reply.json) == text


async def test_a_slow_reader_is_waited_for(tmp_path: Path) -> None:
    first, *rest = chat_events()
    relaying = Relaying(tmp_path, a_stream(first, *rest))
    relaying.client.paused = True
    task = asyncio.ensure_future(relaying.run())
    for _ in range(10):
        await asyncio.sleep(0)
    assert relaying.client.pieces == []
    relaying.client.readable.set()
    await task
    assert relaying.client.sent == b"".join([first, *rest])


# Clients that leave.


class ComesAsTheClientLeaves(FakeReply):
    """A stream whose last piece the upstream's connection brings just after the client's was lost.

    `taken` is what the relay said to it: the connection must not see it raise.
    """

    def __init__(self, client: FakeClient, before: bytes, piece: bytes) -> None:
        super().__init__(before, headers=CHUNKED)
        self.taken: bool | None = None
        self._client = client
        self._piece = piece

    async def chunk(self, take: Take | None = None) -> bytes:
        data = await super().chunk(take)
        if not data and take is not None:
            asyncio.get_running_loop().call_soon(self._bring, take)
            await asyncio.sleep(5)
        return data

    def _bring(self, take: Take) -> None:
        self._client.leave()
        self.taken = take(self._piece)


class LostClient(FakeClient):
    """A client on a loop that refuses to write to a closed connection; `told` says that it hears of it at once."""

    told = True
    left = False

    def leave(self) -> None:
        self.left = True
        super().leave()
        self.gone = self.told

    def write(self, data: bytes) -> None:
        if self.left:
            raise RuntimeError("the handler is closed")
        super().write(data)


class Watches:
    """Lets everything go, without waiting."""

    @hookimpl
    def watch(self) -> None:
        return None


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("plugins", [(), (Watches(),)], ids=["plain", "guarded"])
async def test_a_piece_that_comes_as_the_client_leaves_is_not_taken_and_nothing_is_raised(
    tmp_path: Path, plugins: tuple[object, ...], told: bool
) -> None:
    client = LostClient(b'{"model":"gpt-4o-mini","messages":[],"stream":true}')
    client.told = told
    first, second = chat_events(done=False)
    reply = ComesAsTheClientLeaves(client, first, second)
    passages = Passages(tmp_path, FakeTransport(reply), *plugins)
    async with asyncio.timeout(5):
        await asyncio.wait([passages.begin(client)])
    passages.close()
    assert (reply.taken, client.pieces) == (False, [first])
    assert passages.record()["outcome"] == ("client_gone" if told else "stopped")
