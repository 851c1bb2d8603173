"""An open websocket to either side: sending with patience, parting within a time, and how it ended."""

import asyncio

import msgspec
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import OPEN

# A side that has closed, or broken the protocol, may take this long to close its connection too.
LINGER_SECONDS = 1.0
# Messages that wait to be relayed; above, reading stops, so that a slow reader is felt at the other end.
WAITING_MESSAGES = 1
# Answers to pings that may pile up for a side that does not read them.
UNREAD_BYTES = 4 << 20


class Stalled(Exception):
    """The other side has read nothing of what waits for it within the patience."""


class Farewell(msgspec.Struct, frozen=True):
    """How a side ended: by a close frame (`code`, `reason`), by a `fault` in its frames, `stalled`, or without a word.

    `code` is 1005 for a close frame without a code; `fault` is the code that the gateway answered with.
    """

    code: int | None = None
    reason: str = ""
    fault: int | None = None
    stalled: bool = False


class Link(Connection):
    """A websocket connection that ends soon after its peer has closed it, whatever the peer does then."""

    stalled = False

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        super().data_received(data)
        limit = self.protocol.max_message_size or 0
        if self.protocol.close_rcvd is not None or self.protocol.parser_exc is not None:
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        elif self.transport.get_write_buffer_size() > limit + UNREAD_BYTES:
            self.transport.abort()

    @property
    def open(self) -> bool:
        """Whether neither side has begun to close."""
        return self.protocol.state is OPEN

    @property
    def farewell(self) -> Farewell:
        """How the peer ended. Only for a link that this side has not closed."""
        received, sent = self.protocol.close_rcvd, self.protocol.close_sent
        if received is not None:
            return Farewell(received.code, received.reason)
        return Farewell(fault=int(sent.code) if sent is not None else None, stalled=self.stalled)

    async def give(self, message: str | bytes, patience: float) -> None:
        """Sends a message; returns when most of it has left. Errors: ConnectionClosed, Stalled.

        A slow reader may take its time, as long as it reads anything at all within `patience` seconds.
        """
        try:
            async with asyncio.timeout(patience):
                await self.send(message)
            return
        except TimeoutError:
            waiting = self.transport.get_write_buffer_size()
        while True:
            try:
                async with asyncio.timeout(patience):
                    await self.drain()
                return
            except TimeoutError:
                before, waiting = waiting, self.transport.get_write_buffer_size()
                if waiting >= before:
                    self.stalled = True
                    raise Stalled from None
            except OSError as error:
                raise ConnectionClosed(None, None) from error

    async def part(self, code: int | None, reason: str, seconds: float) -> None:
        """Says goodbye, and waits `seconds` at most until the peer has closed; then the connection is gone.

        A `code` of None is a close frame without one.
        """
        self.close_timeout = seconds
        try:
            async with asyncio.timeout(seconds):
                # What still comes is read and dropped: the peer's close frame stands behind it.
                goodbye = self.close(code, reason)  # type: ignore[arg-type] # the frame may be empty
                await asyncio.gather(goodbye, self._read_to_the_end())
        except TimeoutError:
            pass
        finally:
            self.transport.abort()

    async def _read_to_the_end(self) -> None:
        while True:
            try:
                await self.recv()
            except ConnectionClosed:
                return
            except AssertionError:
                # The rest of a message whose beginning was taken by a reader that is gone.
                continue
