"""One HTTP/1.1 connection to the upstream: a request out, its reply in, then free again or closed."""

import asyncio
import select
from collections.abc import Callable
from typing import cast

from gateway.transport import ChunkTimeout, FirstByteTimeout, TotalTimeout, TransportError, UpstreamBroken
from gateway.transport.clock import NEVER, Patience
from gateway.transport.limits import Limits
from gateway.transport.reply import Reply
from gateway.transport.reply_parser import ReplyParser

_JOIN_UP_TO_BYTES = 64 << 10


class Connection(asyncio.Protocol):
    """Idle until `ask`, busy until the reply is whole; then it calls `on_free`, or closes.

    The owner counts its silence: each tick it raises `silent` and `age`, and calls `expire` once one of them is
    over `patience` or `lifespan`. `on_lost` is called once, when the socket is closed.
    """

    __slots__ = (
        "_asked",
        "_drained",
        "_limits",
        "_loop",
        "_on_free",
        "_on_lost",
        "_parser",
        "_patience",
        "_poll",
        "_reply",
        "_sending",
        "_transport",
        "age",
        "lifespan",
        "patience",
        "silent",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        patience: Patience,
        on_free: Callable[["Connection"], None],
        on_lost: Callable[["Connection"], None],
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._patience = patience
        self._on_free = on_free
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._asked: asyncio.Future[Reply] | None = None
        self._parser: ReplyParser | None = None
        self._reply: Reply | None = None
        self._drained: asyncio.Future[None] | None = None
        self._sending = False
        self._poll = select.poll()
        self.silent = 0
        self.patience = patience.idle
        self.age = 0
        self.lifespan = NEVER

    @property
    def open(self) -> bool:
        """Whether a request may be written: connected, and nobody has begun to close."""
        transport = self._transport
        return transport is not None and not transport.is_closing()

    @property
    def clean(self) -> bool:
        """Whether an idle connection is as it was left, seen at the socket: nothing came, not even an end.

        The loop may not have looked since. What lies there would be taken for the answer to the next request.
        """
        transport = self._transport
        return transport is not None and not transport.is_closing() and not self._poll.poll(0)

    def ask(self, method: bytes, head: bytes, body: bytes, more: bool, age: int) -> asyncio.Future[Reply]:
        """Writes a request; gives the future of its reply.

        `more` says that more of the body follows by `write`. `age` is how many ticks the exchange has taken already.
        Whoever cancels the future has to `drop` the connection, too.
        """
        limits = self._limits
        patience = self._patience
        self._parser = ReplyParser(method, limits.max_header_bytes, limits.max_reply_bytes)
        self._sending = more
        self.silent = 0
        self.patience = NEVER if more else patience.first_byte
        self.age = age
        self.lifespan = patience.total
        self._asked = asked = self._loop.create_future()
        if len(body) <= _JOIN_UP_TO_BYTES:
            self._write(head + body)
        else:
            self._write(head)
            self._write(body)
        return asked

    async def write(self, data: bytes) -> None:
        """Writes more of the request's body, and waits until the upstream has taken enough of it.

        Once the reply has begun nothing is written any more.
        """
        if self._asked is None:
            return
        self._write(data)
        if self._drained is not None:
            self.silent = 0
            self.patience = self._patience.first_byte
            await self._drained
            if self._asked is not None:
                self.patience = NEVER

    def sent(self) -> None:
        """Says that the request's body is whole."""
        if self._asked is not None:
            self._sending = False
            self.silent = 0
            self.patience = self._patience.first_byte

    def drop(self) -> None:
        """Closes the connection at once; whatever waits for it hears of it. Safe to call twice."""
        self._fail(UpstreamBroken("the connection was closed by the gateway"))

    def expire(self) -> None:
        """Ends what has taken too long."""
        if self._parser is None:
            self.drop()
        elif self.age > self.lifespan:
            self._fail(TotalTimeout("the exchange took longer than total_timeout"))
        elif self._reply is None:
            self._fail(FirstByteTimeout("the upstream did not begin to answer within first_byte_timeout"))
        else:
            self._fail(ChunkTimeout("the upstream fell silent for longer than between_chunks_timeout"))

    def hold(self) -> None:
        """Stops reading: the reader of the reply is slower than the upstream, whose silence no longer counts."""
        self.patience = NEVER
        if self._transport is not None:
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Reads again."""
        self.silent = 0
        self.patience = self._patience.between_chunks
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop, or by who made a tunnel."""
        self._transport = cast(asyncio.Transport, transport)
        self._poll.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Called by the loop. Bytes that no request waits for end the connection."""
        parser = self._parser
        if parser is None:
            self.drop()
            return
        try:
            piece = parser.feed(data)
        except TransportError as error:
            self._fail(error)
            return
        reply = self._reply
        if reply is None:
            if not parser.status:
                return
            reply = self._begin(parser)
            if reply is None:
                return
        self.silent = 0
        if parser.complete:
            self._finish(reply, piece, parser.keep_alive and not parser.followed)
        elif piece:
            reply.put(piece)

    def eof_received(self) -> None:
        """Called by the loop when the upstream has sent everything; over TLS, when it has said so."""
        if self._parser is None:
            self.drop()
            return
        try:
            self._parser.feed_eof()
        except TransportError as error:
            self._fail(error)
            return
        if self._reply is not None:
            self._finish(self._reply, b"", reusable=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop, once."""
        self._fail(UpstreamBroken(f"the connection to the upstream broke: {exc or 'closed without a word'}"))
        self._transport = None
        self._on_lost(self)

    def pause_writing(self) -> None:
        """Called by the loop when the upstream takes less than we write."""
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """Called by the loop when the upstream has taken most of it."""
        self.silent = 0
        drained = self._drained
        self._drained = None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _begin(self, parser: ReplyParser) -> Reply | None:
        asked = self._asked
        self._asked = None
        if asked is None or asked.done():
            self.drop()
            return None
        reply = self._reply = Reply(self._loop, self, parser.status, parser.reason, parser.headers)
        self.patience = self._patience.between_chunks
        asked.set_result(reply)
        return reply

    def _finish(self, reply: Reply, piece: bytes, reusable: bool) -> None:
        """Parts from the reply, which its reader may read later, and is free for the next request."""
        self._parser = None
        self._reply = None
        reply.end(piece)
        transport = self._transport
        if not reusable or self._sending or transport is None or not self.open or transport.get_write_buffer_size():
            self.drop()
            return
        self.silent = 0
        self.patience = self._patience.idle
        self.lifespan = NEVER
        self._on_free(self)

    def _fail(self, error: TransportError) -> None:
        asked, reply = self._asked, self._reply
        self._asked = self._parser = self._reply = None
        if self._transport is not None:
            self._transport.abort()
        if asked is not None and not asked.done():
            asked.set_exception(error)
        if reply is not None:
            reply.fail(error)
