"""A model server that answers every chat request with the same bytes, so that only the gateway is measured.

    async with mock_upstream() as port: ...

600 B in; 1.1 kB of JSON out, or EVENTS server-sent events of about 205 B and `[DONE]`. `pace=10` anywhere in the
request puts 10 ms between the events; without it they leave in one write. `latency=2000` has the JSON come 2 s later.
Runs inside the event loop of the load
generator: what the two of them cost is on their core and never on the gateway's. `python -m perf.mock_upstream` serves
in a process of its own until it is ended, and prints the port: for a load that keeps its own loop from turning.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import httptools
import uvloop

EVENTS = 50
PATH = b"/v1/chat/completions"

_TEXT = b"The quick brown fox jumps over the lazy dog, and answers. " * 11
_HEAD = b'"id":"chatcmpl-mock0123456789abcdefghij","created":1730000000,"model":"gpt-4o-mini-2024-07-18"'

PLAIN_BODY = (
    b'{"object":"chat.completion",' + _HEAD + b',"choices":[{"index":0,"message":{"role":"assistant","content":"'
    b"" + _TEXT + b'","refusal":null},"logprobs":null,"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":120,"completion_tokens":130,"total_tokens":250,"prompt_tokens_details":'
    b'{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}},"system_fingerprint":"fp_mock"}'
)


def _event(index: int) -> bytes:
    delta = b',"choices":[{"index":0,"delta":{"content":"tok%02d "},"finish_reason":null}]' % index
    return b'data: {"object":"chat.completion.chunk",' + _HEAD + delta + b"}\n\n"


STREAM_EVENTS = (*(_event(index) for index in range(EVENTS)), b"data: [DONE]\n\n")
STREAM_BODY = b"".join(STREAM_EVENTS)


def _framed(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def _reply(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nx-request-id: req_mock\r\nopenai-processing-ms: 1\r\n"
    return head % status + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


_PLAIN = _reply(b"200 OK", PLAIN_BODY)
_NOT_FOUND = _reply(b"404 Not Found", b'{"error":{"message":"The mock upstream knows chat completions alone."}}')
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"x-request-id: req_mock\r\nTransfer-Encoding: chunked\r\n\r\n"
)
# The last event, `[DONE]` and the end of the body come at once, as from a real server.
_STREAM_WRITES = (
    *(_framed(event) for event in STREAM_EVENTS[: EVENTS - 1]),
    _framed(STREAM_EVENTS[EVENTS - 1]) + _framed(STREAM_EVENTS[EVENTS]) + b"0\r\n\r\n",
)
_STREAM = _STREAM_HEAD + b"".join(_STREAM_WRITES)
_ASKS_FOR_STREAM = re.compile(rb'"stream"\s*:\s*true')
_PACE = re.compile(rb"\bpace=(\d+)")
_LATENCY = re.compile(rb"\blatency=(\d+)")
_SEARCHED = 200
"""Where the wishes stand: large bodies are not searched to their end."""


class _Connection(asyncio.Protocol):
    """One connection of the gateway: reads requests, writes the fixed answers."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.target = b""
        self.body = bytearray()
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclasses of it

    def connection_lost(self, error: Exception | None) -> None:
        if self.timer:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        target, body = self.target, bytes(self.body)
        self.target = b""
        self.body.clear()
        if not target.endswith(PATH):
            self.transport.write(_NOT_FOUND)
        elif not _ASKS_FOR_STREAM.search(body, 0, _SEARCHED):
            if latency := _LATENCY.search(body, 0, _SEARCHED):
                self.timer = asyncio.get_running_loop().call_later(int(latency[1]) / 1000, self.transport.write, _PLAIN)
            else:
                self.transport.write(_PLAIN)
        elif not (pace := _PACE.search(body, 0, _SEARCHED)):
            self.transport.write(_STREAM)
        else:
            self.transport.write(_STREAM_HEAD)
            self._event_after(int(pace[1]) / 1000, 0, asyncio.get_running_loop().time())

    def _event_after(self, pause: float, index: int, begun: float) -> None:
        due = begun + (index + 1) * pause
        self.timer = asyncio.get_running_loop().call_at(due, self._write_event, pause, index, begun)

    def _write_event(self, pause: float, index: int, begun: float) -> None:
        self.transport.write(_STREAM_WRITES[index])
        if index + 1 < EVENTS:
            self._event_after(pause, index + 1, begun)


@asynccontextmanager
async def mock_upstream(tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serves on a free port of 127.0.0.1, over TLS where there is a context, and gives the port."""
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=4096, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _serve() -> None:
    async with mock_upstream() as port:
        print(port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve())
