"""Stands between the bytes of one streamed reply and its guard: bytes go in as they come, and out as they may go.

It has no part in sending. What could not be sent at once is held here, so that nobody is asked about it twice.
"""

from collections.abc import Callable

from gateway.encoding import Decoder, EncodingError
from gateway.guard.stream import Out, StreamGuard
from gateway.hooks import at_once
from gateway.sse import EventReader, StreamError


class Sluice:
    """Decodes a stream, cuts it into events, and has the guard say what of it may go out.

    `keep` is told of everything that came, without its encoding. Errors of whatever takes bytes: EncodingError,
    StreamError.
    """

    __slots__ = ("_decoder", "_fault", "_guard", "_held", "_keep", "_reader", "is_plain")

    def __init__(self, guard: StreamGuard, encoding: bytes | None, keep: Callable[[bytes], None]) -> None:
        self._guard = guard
        self._decoder = Decoder(encoding)
        self._reader = EventReader()
        self._keep = keep
        self._held: Out | None = None
        self._fault: EncodingError | StreamError | None = None
        self.is_plain = encoding is None

    @property
    def is_calm(self) -> bool:
        """Whether nothing waits here and nothing was changed, so that whole events without a call may pass unread.

        Such events do not change the answer.
        """
        return (
            self._guard.is_calm
            and self.is_plain
            and self._held is None
            and self._fault is None
            and self._reader.is_between
        )

    @property
    def waiting_bytes(self) -> int:
        """How many of the bytes that came have not gone out: in the guard, or of an event that is not whole yet."""
        return self._guard.held_bytes + len(self._reader.rest())

    async def feed(self, data: bytes) -> Out:
        """Gives what may go out with this piece; for one that was asked about before, what is held of it."""
        if self._fault is not None:
            raise self._fault
        held, self._held = self._held, None
        if held is not None:
            return held
        plain = self._decoder.feed(data)
        self._keep(plain)
        return await self._guard.feed(self._reader.feed(plain))

    def fed_at_once(self, data: bytes) -> Out | None:
        """Gives the same of a piece that has just come, without waiting; None where it cannot be read.

        Then whoever waits for the piece is told by `feed`.
        """
        try:
            return at_once(self.feed(data))
        except (EncodingError, StreamError) as error:
            self._fault = error
            return None

    def hold(self, out: Out) -> None:
        """Holds what could not be sent at once, for whoever waits for the piece."""
        self._held = out

    async def finish(self, *, broken: bool) -> Out:
        """Gives what may go out at the end. Half an event is none: what broke off ends with the last whole one."""
        return await self._guard.finish(b"" if broken else self._reader.rest(), broken=broken)
