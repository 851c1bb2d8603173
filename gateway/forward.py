"""Carries requests that are not for the model API to the office, over its unix socket.

The request stays as it came, but for hop-by-hop headers and the client's address; the office signs in by itself.
"""

import socket
from collections.abc import AsyncGenerator
from pathlib import Path

from gateway.client import BodyTimeout, BodyTooLarge, Client
from gateway.errors import error_body
from gateway.exchange import Headers, first_header
from gateway.headers import returned
from gateway.transport import ConnectError, IncomingReply, OutgoingRequest, PoolExhausted, TransportError
from gateway.transport.limits import Limits
from gateway.transport.pool import ConnectionPool

_LIMITS = Limits(connect_timeout=5.0, first_byte_timeout=120.0, between_chunks_timeout=300.0, max_connections=256)
# Twice as many as there are connections to it: who waits longer than that finds no better time by waiting.
MOST_AT_ONCE = 512
STARTING = "it is starting, or starting again after its end"
_DOWN = "The office, which answers this path, is not running; /v1 is not affected. Try again."
_BUSY = "The office, which answers this path, has too much to do; /v1 is not affected. Try again."
_FAILED = "The office, which answers this path, broke off in the middle; /v1 is not affected."
_FORWARDED_FOR = b"x-forwarded-for"


class Forward:
    """Hands requests to the office that listens at `office`; bodies above `max_body_bytes` are refused."""

    def __init__(self, office: Path, max_body_bytes: int, most_at_once: int = MOST_AT_ONCE) -> None:
        self._office = office
        self._max_body_bytes = max_body_bytes
        self._pool = ConnectionPool("http://office", _LIMITS, uds=office)
        self._most_at_once = most_at_once
        self._open = 0

    async def __call__(self, client: Client) -> None:
        """Answers one request with the office's answer."""
        if self._open >= self._most_at_once:
            _refuse(client, 503, _BUSY, "office_busy", (b"retry-after", b"1"))
            return
        self._open += 1
        body = client.chunks(self._max_body_bytes) if client.has_body else None
        try:
            await self._carried(client, body)
        finally:
            self._open -= 1
            if body is not None:
                await body.aclose()

    async def _carried(self, client: Client, body: AsyncGenerator[bytes, None] | None) -> None:
        try:
            reply = await self._pool.send(_outgoing(client, body))
        except PoolExhausted:
            _refuse(client, 503, _BUSY, "office_busy", (b"retry-after", b"1"))
        except ConnectError:
            _refuse(client, 503, _DOWN, "office_unavailable", (b"retry-after", b"1"))
        except TransportError:
            _refuse(client, 502, _FAILED, "office_failed")
        except BodyTooLarge:
            _refuse(client, 413, f"The body is larger than {self._max_body_bytes} bytes.", "body_too_large")
        except BodyTimeout:
            _refuse(client, 408, "The request body did not arrive in time.", "body_timeout")
        else:
            try:
                await _relayed(client, reply)
            except (TransportError, BodyTimeout):
                client.abort()
            finally:
                reply.close()

    def fault(self) -> str | None:
        """Says why the office cannot be reached; it takes a few microseconds."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            try:
                probe.connect(str(self._office))
            except BlockingIOError:
                return "it does not take connections"
            except (FileNotFoundError, ConnectionRefusedError):
                return STARTING
            except OSError as error:
                return error.strerror
        return None

    async def close(self) -> None:
        """Lets the connections go."""
        await self._pool.aclose()


def _outgoing(client: Client, body: AsyncGenerator[bytes, None] | None) -> OutgoingRequest:
    received = client.received
    headers = forwarded_to_office(received.headers, received.client)
    return OutgoingRequest(received.method, received.target, headers, body, None if body is None else client.length)


def forwarded_to_office(headers: Headers, client: str) -> Headers:
    """Gives the headers as they go to the office: the client's own, and its address behind those it names."""
    kept = [pair for pair in returned(headers) if pair[0].lower() not in (b"expect", _FORWARDED_FOR)]
    before = first_header(headers, _FORWARDED_FOR)
    address = client.encode("latin-1")
    return (*kept, (b"X-Forwarded-For", before + b", " + address if before else address))


async def _relayed(client: Client, reply: IncomingReply) -> None:
    length = first_header(reply.headers, b"content-length")
    client.start(reply.status, returned(reply.headers), int(length) if length else None, reply.reason)
    if client.received.method == b"HEAD":
        client.finish()
        return
    while data := await reply.chunk():
        client.write(data)
        if client.paused:
            await client.drained()
    client.finish()


def _refuse(client: Client, status: int, message: str, code: str, *headers: tuple[bytes, bytes]) -> None:
    client.respond(status, ((b"content-type", b"application/json"), *headers), error_body(message, status, code))
