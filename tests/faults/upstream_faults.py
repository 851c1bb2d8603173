"""What an upstream can do wrong once it has the request: how it does it, what the client sees, what the record says."""

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.builders.scripted_upstream import Link, chunk, chunked_head, reply

JSON = b"Content-Type: application/json"
STREAM = b"Content-Type: text/event-stream"
EVENT = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
OK = b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}]}'
MEGABYTE = 1 << 20
_NOTHING = bytes(MEGABYTE)
# Times in seconds and sizes in bytes that a test can reach.
LIMITS = {
    "connect_timeout": 1.0,
    "first_byte_timeout": 1.0,
    "between_chunks_timeout": 1.0,
    "total_timeout": 3.0,
    "max_reply_bytes": 2 * MEGABYTE,
    "max_header_bytes": 16_384,
}
Doing = Callable[[Link], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """`sees` is what the client gets, as docs/faults.md says it; `outcome` and `error` are the record's.

    A reply that passes has the body `passes`; of a stream that breaks, what came before the fault is EVENT.
    """

    name: str
    does: Doing
    sees: str
    outcome: str
    error: str | None = None
    passes: bytes | None = None
    streamed: bool = False

    @property
    def header(self) -> bytes:
        """What asks the upstream for this fault; a header passes the gateway as it came."""
        return b"X-Fault: " + self.name.encode()


def sending(*pieces: bytes) -> Doing:
    """Sends the pieces, each with time to be seen before what follows, then closes the connection."""

    async def does(link: Link) -> None:
        for piece in pieces:
            await link.send(piece)
            await asyncio.sleep(0.02)

    return does


def keeping(*pieces: bytes) -> Doing:
    """Sends the pieces, then nothing more until the gateway hangs up."""

    async def does(link: Link) -> None:
        await sending(*pieces)(link)
        await link.hung_up()

    return does


def resetting(*pieces: bytes) -> Doing:
    """Sends the pieces, then resets the connection."""

    async def does(link: Link) -> None:
        await sending(*pieces)(link)
        link.reset()

    return does


def without_end(start: bytes, again: bytes) -> Doing:
    """Sends and sends, until the gateway hangs up."""

    async def does(link: Link) -> None:
        await link.send(start)
        while True:
            await link.send(again)

    return does


async def _dripping_head(link: Link) -> None:
    await link.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    await link.send_each(b"a" * 10_000)


def _whole(name: str, does: Doing, status: int, code: str, error: str) -> Fault:
    return Fault(name, does, f"{status} `{code}`", "upstream_error", error)


def _unread(name: str, body: bytes, encoding: bytes) -> Fault:
    sent = sending(reply(body, JSON, b"Content-Encoding: " + encoding))
    return Fault(name, sent, "502 `unreadable_reply`", "refused")


def _cut(name: str, does: Doing, code: str, error: str) -> Fault:
    return Fault(name, does, f"an event with the error `{code}`, then a closed connection", "cut", error, None, True)


def _passes(name: str, answer: bytes, body: bytes, status: int = 200) -> Fault:
    return Fault(name, sending(answer), f"{status}, as it came", "answered", None, body)


def _passing(name: str, events: bytes) -> Fault:
    sent = sending(chunked_head(STREAM) + chunk(events) + chunk(b""))
    return Fault(name, sent, "200, as it came", "answered", None, events, True)


def bomb_of(megabytes: int) -> bytes:
    """Gives so many megabytes of nothing as gzip: one of them again and again, since packing all takes a second."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    one = packer.compress(_NOTHING) + packer.flush(zlib.Z_FULL_FLUSH)
    check = 0
    for _ in range(megabytes):
        check = zlib.crc32(_NOTHING, check)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return head + one * megabytes + packer.flush() + struct.pack("<II", check, megabytes * MEGABYTE)


HEAD = b"HTTP/1.1 200 OK\r\n" + JSON + b"\r\n"
STARTED = chunked_head(STREAM) + chunk(EVENT)
BOMB = bomb_of(256)
RATE_LIMITED = b'{"error":{"message":"Slow down.","type":"requests","param":null,"code":"rate_limit_exceeded"}}'
DOWN = b"<html>bad gateway</html>"

WHOLE_FAULTS = (
    _whole("reset before the head", resetting(), 502, "upstream_broken", "UpstreamBroken"),
    _whole("close before the head", sending(), 502, "upstream_broken", "UpstreamBroken"),
    _whole("reset in the head", resetting(HEAD), 502, "upstream_broken", "UpstreamBroken"),
    _whole(
        "reset after the head", resetting(HEAD + b"Content-Length: 9\r\n\r\n"), 502, "upstream_broken", "UpstreamBroken"
    ),
    _whole("body shorter than its length", sending(reply(OK, JSON)[:-9]), 502, "upstream_broken", "UpstreamBroken"),
    _whole("truncated chunk", sending(chunked_head(JSON) + b"ff\r\n{"), 502, "upstream_broken", "UpstreamBroken"),
    _whole("no last chunk", sending(chunked_head(JSON) + chunk(OK)), 502, "upstream_broken", "UpstreamBroken"),
    _whole(
        "length and chunks at once",
        sending(HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        502,
        "upstream_invalid",
        "UpstreamInvalid",
    ),
    _whole(
        "two lengths",
        sending(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}1"),
        502,
        "upstream_invalid",
        "UpstreamInvalid",
    ),
    _whole("another protocol", sending(b"SSH-2.0-OpenSSH_9.9\r\n"), 502, "upstream_invalid", "UpstreamInvalid"),
    _whole(
        "a control character in a header",
        sending(HEAD + b"X-A: a\x00b\r\nContent-Length: 2\r\n\r\n{}"),
        502,
        "upstream_invalid",
        "UpstreamInvalid",
    ),
    _whole(
        "101 that nobody asked for",
        keeping(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        502,
        "upstream_invalid",
        "UpstreamInvalid",
    ),
    _whole(
        "1xx without end",
        without_end(b"", b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * 100),
        502,
        "upstream_reply_too_large",
        "ReplyTooLarge",
    ),
    _whole("slow first byte", keeping(), 504, "upstream_timeout", "FirstByteTimeout"),
    _whole("head byte by byte", _dripping_head, 504, "upstream_timeout", "FirstByteTimeout"),
    _whole(
        "silence in the body",
        keeping(HEAD + b"Content-Length: 100\r\n\r\n{"),
        504,
        "upstream_silent",
        "ChunkTimeout",
    ),
    _whole(
        "huge headers", sending(reply(OK, b"X-A: " + b"a" * 20_000)), 502, "upstream_reply_too_large", "ReplyTooLarge"
    ),
    _whole(
        "head without end",
        without_end(HEAD + b"X-A: ", b"a" * 65_536),
        502,
        "upstream_reply_too_large",
        "ReplyTooLarge",
    ),
    _whole(
        "body of a huge length",
        keeping(HEAD + b"Content-Length: 99999999999\r\n\r\n{"),
        502,
        "upstream_reply_too_large",
        "ReplyTooLarge",
    ),
    _whole(
        "body without end",
        without_end(chunked_head(JSON), chunk(b" " * 65_536)),
        502,
        "upstream_reply_too_large",
        "ReplyTooLarge",
    ),
    _passes("invalid JSON", reply(b'{"id":', JSON), b'{"id":'),
    _passes("invalid UTF-8", reply(b'{"id":"\xff\xfe"}', JSON), b'{"id":"\xff\xfe"}'),
    _unread("gzip bomb", BOMB, b"gzip"),
    _unread("wrong encoding", OK, b"gzip"),
    _unread("unknown encoding", OK, b"br"),
    _passes("duplicate headers", reply(OK, JSON, b"X-A: 1", b"X-A: 2", b"Set-Cookie: a", b"Set-Cookie: b"), OK),
    _passes("1xx before the answer", b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * 3 + reply(OK, JSON), OK),
    _passes("bytes after the answer", reply(OK, JSON) + reply(b'{"id":"stray"}', JSON), OK),
    _passes("body longer than its length", reply(OK, JSON) + b'{"id":"stray"}', OK),
    _passes("redirection", reply(b"", b"Location: http://other.test/v1", status=b"302 Found"), b"", 302),
    _passes("429", reply(RATE_LIMITED, JSON, b"retry-after: 7", status=b"429 Too Many Requests"), RATE_LIMITED, 429),
    _passes("500", reply(b'{"error":{}}', JSON, status=b"500 Internal Server Error"), b'{"error":{}}', 500),
    _passes("503 that is no JSON", reply(DOWN, b"Content-Type: text/html", status=b"503 Down"), DOWN, 503),
)
STREAM_FAULTS = (
    _cut("reset in the stream", resetting(STARTED), "upstream_broken", "UpstreamBroken"),
    _cut("close in the stream", sending(STARTED), "upstream_broken", "UpstreamBroken"),
    _cut("truncated chunk in the stream", sending(STARTED, b"ff\r\ndata: {"), "upstream_broken", "UpstreamBroken"),
    _cut("bad chunk in the stream", keeping(STARTED, b"nonsense\r\n"), "upstream_invalid", "UpstreamInvalid"),
    _cut("silence in the stream", keeping(STARTED), "upstream_silent", "ChunkTimeout"),
    _cut(
        "event without end",
        without_end(STARTED, chunk(b"data: " + b"a" * 65_536)),
        "upstream_reply_too_large",
        "ReplyTooLarge",
    ),
    _cut(
        "comments without end",
        without_end(STARTED, chunk((b": " + b"a" * 500 + b"\n\n") * 100)),
        "upstream_reply_too_large",
        "ReplyTooLarge",
    ),
    _passing("invalid JSON in an event", b"data: {\n\n" + DONE),
    _passing("invalid UTF-8 in an event", EVENT.replace(b"Hi", b"\xff\xfe") + DONE),
    _passing("half a character in an event", EVENT.replace(b"Hi", b"\\ud83d") + DONE),
)
FAULTS = (*WHOLE_FAULTS, *STREAM_FAULTS)
BY_NAME = {fault.name.encode(): fault for fault in FAULTS}


async def faulty(link: Link) -> None:
    """A script: does the fault that a request names in `X-Fault`, and answers any other with its own `X-Number`."""
    while True:
        request = await link.request()
        headers = dict(line.partition(b": ")[::2] for line in request.head[:-4].split(b"\r\n")[1:])
        fault = BY_NAME.get(headers.get(b"X-Fault", b""))
        if fault is not None:
            await fault.does(link)
            if fault.error is not None:
                return
            continue
        await link.send(reply(OK, JSON, b"X-Number: " + headers.get(b"X-Number", b"none")))
