"""One reply on its way to its reader: the pieces that wait, the reader that waits, and who holds whom back."""

import asyncio
from collections import deque
from typing import Protocol

from gateway.transport import Headers, ReplyTooLarge, Take, TransportError, UpstreamBroken

HIGH_WATER_BYTES = 128 << 10
LOW_WATER_BYTES = 32 << 10


class Source(Protocol):
    """What a reply asks of the connection that feeds it."""

    def hold(self) -> None:
        """Stops reading from the upstream."""
        ...

    def go_on(self) -> None:
        """Reads from the upstream again."""
        ...

    def drop(self) -> None:
        """Closes the connection at once."""
        ...


class Reply:
    """An `IncomingReply`, fed by a connection until it ends, then apart from it."""

    __slots__ = (
        "_buffered",
        "_error",
        "_held",
        "_loop",
        "_pieces",
        "_source",
        "_take",
        "_waiter",
        "headers",
        "reason",
        "status",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, source: Source, status: int, reason: bytes, headers: Headers
    ) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self._loop = loop
        self._source: Source | None = source
        self._pieces: deque[bytes] = deque()
        self._buffered = 0
        self._held = False
        self._error: TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._take: Take | None = None

    async def chunk(self, take: Take | None = None) -> bytes:
        """Gives the next piece of the body as it came, b"" at its end; `take` has the first say on what comes."""
        while not self._pieces:
            if self._source is None:
                if self._error is not None:
                    raise self._error
                return b""
            if self._waiter is not None:
                raise RuntimeError("a reply has one reader: chunk() is already waiting")
            self._waiter = self._loop.create_future()
            self._take = take
            try:
                await self._waiter
            finally:
                self._waiter = self._take = None
        piece = self._pieces.popleft()
        self._buffered -= len(piece)
        if self._held and self._buffered <= LOW_WATER_BYTES and self._source is not None:
            self._held = False
            self._source.go_on()
        return piece

    async def read(self, limit: int) -> bytes:
        """Gives the rest of the body whole; ReplyTooLarge, and the connection closed, if it is longer than `limit`."""
        pieces = self._pieces
        if self._source is None and self._error is None and len(pieces) == 1 and len(pieces[0]) <= limit:
            # All of it was here before anybody asked for it, as it mostly is.
            return pieces.popleft()
        first = await self.chunk()
        read = [first]
        size = len(first)
        while size <= limit and (piece := await self.chunk()):
            read.append(piece)
            size += len(piece)
        if size > limit:
            self.close()
            raise ReplyTooLarge(f"the reply's body is larger than {limit} bytes")
        return first if len(read) == 1 else b"".join(read)

    def close(self) -> None:
        """Lets go of the reply: whatever has not come by now is not waited for."""
        source = self._source
        if source is not None or self._pieces:
            self._pieces.clear()
            self.fail(UpstreamBroken("the reply was closed before it was read to its end"))
        if source is not None:
            source.drop()

    def put(self, piece: bytes) -> None:
        """Takes the next piece from the connection."""
        if self._take is not None and not self._pieces and self._take(piece):
            return
        self._pieces.append(piece)
        self._buffered += len(piece)
        self._wake()
        if self._buffered > HIGH_WATER_BYTES and not self._held and self._source is not None:
            self._held = True
            self._source.hold()

    def end(self, piece: bytes) -> None:
        """Takes the last piece, maybe b"". The connection is none of ours any more."""
        if piece:
            self._pieces.append(piece)
        self._source = None
        self._wake()

    def fail(self, error: TransportError) -> None:
        """Takes the news that nothing more will come. The pieces that wait are given first, the error after them."""
        self._source = None
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
