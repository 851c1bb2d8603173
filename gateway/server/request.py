"""One request on a client's connection, and the way its reply goes back."""

import asyncio
import socket
import struct
import sys
from collections import deque
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Protocol

import msgspec
from uvicorn.protocols.http.flow_control import FlowControl

from gateway.client import BodyTimeout, BodyTooLarge
from gateway.exchange import Headers, Received

HIGH_WATER = 256 << 10
REASONS = {status: HTTPStatus(status).phrase.encode() for status in map(int, HTTPStatus)}
_CLOSE = b"connection: close\r\n"


class Limits(msgspec.Struct, frozen=True):
    """What one connection may ask of us: bytes and seconds; `files` is how many of our open files clients may take."""

    max_header_bytes: int
    max_message_bytes: int
    header_timeout: float
    body_timeout: float
    write_timeout: float
    files: int = sys.maxsize


class Connection(Protocol):
    """What a request needs of the connection that it came on."""

    transport: asyncio.Transport
    flow: FlowControl
    loop: asyncio.AbstractEventLoop

    @property
    def http_version(self) -> str:
        """1.1 or 1.0, of the request that was read last."""

    def reply_ended(self, client: "ServerClient") -> None:
        """Goes on to the next request, or closes what may not go on."""

    def close(self) -> None:
        """Closes the connection, once what was written has gone out."""


class ServerClient:
    """One request on a connection; implements `gateway.client.Client`."""

    __slots__ = (
        "_body_waiter",
        "_chunked",
        "_connection",
        "_ends_with_connection",
        "_expects_continue",
        "_held",
        "_limits",
        "_of_http_1_0",
        "_parts",
        "ambiguity",
        "gone",
        "has_body",
        "keep_alive",
        "length",
        "more_body",
        "received",
        "response_complete",
        "response_started",
        "task",
    )

    def __init__(self, connection: Connection, received: Received, keep_alive: bool, limits: Limits) -> None:
        self.received = received
        self.gone = False
        self.keep_alive = keep_alive
        self.length: int | None = None
        self.has_body = False
        self.more_body = True
        self.response_started = False
        self.response_complete = False
        self.task: asyncio.Task[None] | None = None
        self._connection = connection
        self._limits = limits
        self._parts: deque[bytes] = deque()
        self._held = 0
        self._body_waiter: asyncio.Future[None] | None = None
        self._chunked = False
        self._ends_with_connection = False
        self._expects_continue = False
        self._of_http_1_0 = connection.http_version == "1.0"
        self.ambiguity: str | None = None
        hosts = 0
        for name, value in received.headers:
            size = len(name)
            if size == 4 and name.lower() == b"host":
                hosts += 1
            elif size == 14 and name.lower() == b"content-length":
                self.length = int(value)
                self.has_body = True
            elif size == 17 and name.lower() == b"transfer-encoding":
                if self.has_body or value.lower() != b"chunked" or self._of_http_1_0:
                    self.ambiguity = "The request's Transfer-Encoding is not one `chunked` of HTTP/1.1."
                self.has_body = True
            elif size == 6 and name.lower() == b"expect" and value.lower() == b"100-continue":
                self._expects_continue = not self._of_http_1_0
        if hosts != 1 and (hosts or not self._of_http_1_0):
            self.ambiguity = "The request does not name one Host."

    # What the protocol tells it.

    def body_came(self, data: bytes) -> None:
        self._parts.append(data)
        self._held += len(data)
        if self._held > HIGH_WATER:
            self._connection.flow.pause_reading()
        if self._body_waiter is not None:
            self._wake()

    def body_ended(self) -> None:
        self.more_body = False
        if self._body_waiter is not None:
            self._wake()

    def lost(self) -> None:
        if not self.response_complete:
            self.gone = True
            if self.task is not None:
                self.task.cancel()

    def _wake(self) -> None:
        waiter = self._body_waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # What the front asks of it.

    @property
    def paused(self) -> bool:
        return self._connection.flow.write_paused

    async def body(self, limit: int) -> bytes:
        if self.length is not None and self.length > limit:
            raise BodyTooLarge
        if self.more_body and not self._parts:
            await self._more()
        if not self.more_body and len(self._parts) == 1:
            self._held = 0
            data = self._parts.popleft()
            if len(data) > limit:
                raise BodyTooLarge
            return data
        collected = bytearray()
        while True:
            while self._parts:
                collected += self._parts.popleft()
            self._held = 0
            if len(collected) > limit:
                raise BodyTooLarge
            if not self.more_body:
                return bytes(collected)
            await self._more()

    async def chunks(self, limit: int) -> AsyncGenerator[bytes, None]:
        if self.length is not None and self.length > limit:
            raise BodyTooLarge
        total = 0
        while True:
            while self._parts:
                data = self._parts.popleft()
                self._held -= len(data)
                total += len(data)
                if total > limit:
                    raise BodyTooLarge
                yield data
            if not self.more_body:
                return
            await self._more()

    async def _more(self) -> None:
        """Waits for the next piece of the body."""
        connection = self._connection
        if self._expects_continue:
            self._expects_continue = False
            connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.flow.resume_reading()
        if self._parts or not self.more_body:
            return
        waiter = self._body_waiter = connection.loop.create_future()
        timer = connection.loop.call_later(self._limits.body_timeout, _timed_out, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._body_waiter = None

    def respond(self, status: int, headers: Headers, body: bytes, reason: bytes = b"") -> None:
        head = self._head(status, headers, reason)
        if self.received.method == b"HEAD" or status in (204, 304):
            head.append(b"\r\n")
        else:
            head += (b"content-length: %d\r\n\r\n" % len(body), body)
        self._connection.transport.write(b"".join(head))
        self._complete()

    def start(self, status: int, headers: Headers, length: int | None, reason: bytes = b"") -> None:
        if length is None and self._of_http_1_0:
            self.keep_alive = False
        head = self._head(status, headers, reason)
        if self.received.method == b"HEAD" or status in (204, 304):
            head.append(b"\r\n" if length is None or status == 204 else b"content-length: %d\r\n\r\n" % length)
        elif length is not None:
            head.append(b"content-length: %d\r\n\r\n" % length)
        elif self._of_http_1_0:
            self._ends_with_connection = True
            head.append(b"\r\n")
        else:
            self._chunked = True
            head.append(b"transfer-encoding: chunked\r\n\r\n")
        self._connection.transport.write(b"".join(head))

    def _head(self, status: int, headers: Headers, reason: bytes) -> list[bytes]:
        self.response_started = True
        if self.more_body:
            self.keep_alive = False
        head = [b"HTTP/1.1 %d %b\r\n" % (status, reason or REASONS.get(status, b""))]
        for name, value in headers:
            head += (name, b": ", value, b"\r\n")
        if not self.keep_alive:
            head.append(_CLOSE)
        return head

    def write(self, data: bytes) -> None:
        if self._chunked:
            self._connection.transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._connection.transport.write(data)

    def finish(self) -> None:
        if self._chunked:
            self._connection.transport.write(b"0\r\n\r\n")
        self._complete()

    def _complete(self) -> None:
        self.response_complete = True
        self._connection.reply_ended(self)

    def abort(self) -> None:
        self.response_complete = True
        if self._ends_with_connection:
            _end_by_reset(self._connection.transport)
        self._connection.close()

    async def drained(self) -> None:
        flow = self._connection.flow
        if not flow.write_paused:
            return
        waiter = self._connection.loop.create_future()
        timer = self._connection.loop.call_later(self._limits.write_timeout, _timed_out, waiter)
        drain = asyncio.ensure_future(flow.drain())
        drain.add_done_callback(lambda _: None if waiter.done() else waiter.set_result(None))
        try:
            await waiter
        finally:
            timer.cancel()
            drain.cancel()


def _end_by_reset(transport: asyncio.Transport) -> None:
    """Lets the connection end with a reset once it is closed: an orderly end would be the good end of this reply."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _timed_out(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_exception(BodyTimeout())
