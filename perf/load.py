"""Sends a fixed number of requests over keep-alive connections and checks every byte of every reply.

    tally = await load("127.0.0.1", port, PLAIN, connections=32, requests=4000)

One failed request (status, body, broken connection, silence) makes the tally worthless: `tally.failures` is not empty.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import httptools

from perf.mock_upstream import EVENTS, PATH, PLAIN_BODY, STREAM_BODY

_PROMPT = b"Summarise the following support ticket politely and briefly. " * 6
_MAX_FAILURES = 20


@dataclass(frozen=True, slots=True)
class Question:
    """What to send, and the body that must come back."""

    name: str
    body: bytes
    answer: bytes
    events: int = 0


def _chat(wish: bytes, prompt: bytes = _PROMPT) -> bytes:
    return (
        b'{"model":"gpt-4o-mini","temperature":0.2,"max_tokens":256'
        + wish
        + b',"messages":[{"role":"system","content":'
        b'"You are a helpful assistant."},{"role":"user","content":"' + prompt + b'"}]}'
    )


def _of_size(size: int) -> bytes:
    return (_PROMPT * (size // len(_PROMPT) + 1))[:size]


PLAIN = Question("plain", _chat(b""), PLAIN_BODY)
STREAM = Question("stream", _chat(b',"stream":true'), STREAM_BODY, EVENTS)
PACED = Question("paced", _chat(b',"stream":true,"user":"pace=10"'), STREAM_BODY, EVENTS)
LARGE = Question("100kB", _chat(b"", _of_size(100_000)), PLAIN_BODY)
HUGE = Question("1MB", _chat(b"", _of_size(1_000_000)), PLAIN_BODY)
WAITING = Question("waiting", _chat(b',"user":"latency=2000"'), PLAIN_BODY)
QUESTIONS = (PLAIN, STREAM, PACED, LARGE, HUGE, WAITING)


@dataclass(frozen=True, slots=True)
class Tally:
    """What came back; times in seconds, one for each good reply."""

    good: int
    failures: tuple[str, ...]
    seconds: float
    first_bytes: tuple[float, ...]
    totals: tuple[float, ...]


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie; 0.0 without values."""
    ordered = sorted(values)
    return ordered[int((len(ordered) - 1) * share)] if ordered else 0.0


def wire(port: int, question: Question, credential: str) -> bytes:
    """The request as bytes."""
    head = (
        f"POST {PATH.decode()} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n"
        f"Authorization: Bearer {credential}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(question.body)}\r\n\r\n"
    )
    return head.encode() + question.body


class _Run:
    """One load: how many requests are still to be sent, and what came back so far."""

    def __init__(self, request: bytes, question: Question, connections: int, requests: int) -> None:
        self.request = request
        self.question = question
        self.open = connections
        self.unsent = self.unanswered = requests
        self.failures: list[str] = []
        self.first_bytes: list[float] = []
        self.totals: list[float] = []
        self.over = asyncio.Event()

    def good(self, first_byte: float, total: float) -> None:
        self.first_bytes.append(first_byte)
        self.totals.append(total)
        self._answered()

    def bad(self, reason: str) -> None:
        self.failures.append(reason)
        self._answered()

    def lost(self, reason: str) -> None:
        """A connection ended before the run did; without connections there is nothing left to wait for."""
        if self.over.is_set():
            return
        self.open -= 1
        self.bad(reason)
        if self.open == 0:
            self.over.set()

    def _answered(self) -> None:
        self.unanswered -= 1
        if self.unanswered <= 0 or len(self.failures) >= _MAX_FAILURES:
            self.over.set()


class _Client(asyncio.Protocol):
    """One connection: a request, its reply, the next request."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        self.parser = httptools.HttpResponseParser(self)
        self.pieces: list[bytes] = []
        self.asked = False
        self.sent = self.first = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclasses of it
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        self.run.lost(f"the connection ended ({error or 'closed by the server'})")

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.run.failures.append(f"the reply is not HTTP: {error}")
            self.transport.close()
        if not self.asked:
            self._ask()

    def on_message_begin(self) -> None:
        if not self.asked:
            self.run.failures.append("a reply came that nobody asked for")

    def on_body(self, piece: bytes) -> None:
        if not self.pieces:
            self.first = time.perf_counter()
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        body, status = b"".join(self.pieces), self.parser.get_status_code()
        self.pieces.clear()
        expected = self.run.question.answer
        if status != 200:
            self.run.bad(f"status {status}: {body[:200].decode(errors='replace')}")
        elif body != expected:
            self.run.bad(f"the body is not the upstream's: {len(body)} bytes, expected {len(expected)}")
        else:
            self.run.good(self.first - self.sent, now - self.sent)
        self.asked = False

    def _ask(self) -> None:
        if self.run.unsent == 0 or self.run.over.is_set():
            return
        self.run.unsent -= 1
        self.asked = True
        self.sent = time.perf_counter()
        self.transport.write(self.run.request)


async def load(
    port: int,
    question: Question,
    *,
    connections: int,
    requests: int,
    credential: str = "sk-bench",
    limit: float = 120.0,
) -> Tally:
    """Sends `requests` requests to 127.0.0.1; all of them together may take `limit` seconds."""
    loop = asyncio.get_running_loop()
    connections = min(connections, requests)
    run = _Run(wire(port, question, credential), question, connections, requests)
    transports: list[asyncio.BaseTransport] = []
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(limit):
            for _ in range(connections):
                made = await loop.create_connection(lambda: _Client(run), "127.0.0.1", port)
                transports.append(made[0])
            await run.over.wait()
    except TimeoutError:
        run.failures.append(f"{run.unanswered} replies were not there after {limit:g} s")
    except OSError as error:
        run.failures.append(f"no connection: {error}")
    finally:
        seconds = time.perf_counter() - begun
        run.over.set()
        for transport in transports:
            transport.close()
    return Tally(len(run.totals), tuple(run.failures), seconds, tuple(run.first_bytes), tuple(run.totals))
