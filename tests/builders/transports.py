"""Pools and requests for tests of the transport."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.transport import OutgoingRequest
from gateway.transport.limits import Limits
from gateway.transport.pool import ConnectionPool


@asynccontextmanager
async def pool_to(
    url: str,
    limits: Limits | None = None,
    *,
    ca_file: Path | None = None,
    proxy: str | None = None,
    uds: Path | None = None,
) -> AsyncIterator[ConnectionPool]:
    """A pool that is closed after the test."""
    pool = ConnectionPool(url, limits or Limits(), ca_file=ca_file, proxy=proxy, uds=uds)
    try:
        yield pool
    finally:
        await pool.aclose()


def a_post(body: bytes | AsyncIterator[bytes] | None = b"{}", length: int | None = None) -> OutgoingRequest:
    return OutgoingRequest(b"POST", b"/v1/chat/completions", ((b"Host", b"upstream"),), body, length)


def a_get(target: bytes = b"/v1/models", method: bytes = b"GET") -> OutgoingRequest:
    return OutgoingRequest(method, target, ((b"Host", b"upstream"),))


async def pieces_of(*pieces: bytes) -> AsyncIterator[bytes]:
    """A body that comes in pieces."""
    for piece in pieces:
        yield piece
