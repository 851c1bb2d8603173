"""A request body that arrives in pieces, written as fast as the upstream takes it."""

from collections.abc import AsyncIterator

from gateway.transport import RequestBroken
from gateway.transport.connection import Connection


async def upload(connection: Connection, body: AsyncIterator[bytes], length: int | None) -> None:
    """Writes the whole body, chunked if its length is unknown; ends early once the connection is closed.

    RequestBroken if the body is not exactly `length` bytes. The iterator stays its maker's to close.
    """
    left = length
    async for piece in body:
        if not connection.open:
            return
        if not piece:
            continue
        if left is None:
            await connection.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            continue
        left -= len(piece)
        if left < 0:
            raise RequestBroken(f"the request's body is longer than its {length} bytes")
        await connection.write(piece)
    if left:
        raise RequestBroken(f"the request's body ended {left} bytes before its {length}")
    if left is None:
        await connection.write(b"0\r\n\r\n")
    connection.sent()
