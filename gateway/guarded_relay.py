"""Relays a reply that plugins judge: its texts and calls are asked about before they go out, and then the whole.

A stream that is already going out cannot be taken back: a review's refusal ends it with an error event in the place of
its last event.
"""

import asyncio

from gateway.answers import Amendment, Refusal, Retry
from gateway.client import Client
from gateway.encoding import Decoder, EncodingError
from gateway.errors import refusal_object
from gateway.exchange import Exchange, first_header
from gateway.guard import Out, StreamGuard
from gateway.guarded_whole import UNREADABLE, Again, GuardedWhole
from gateway.hooks import Pending, at_once
from gateway.pipeline import Pipeline
from gateway.relay import Ended, ends_by_closing
from gateway.sse import EventReader, StreamError, error_event
from gateway.transport import IncomingReply, TransportError, UpstreamBroken


class GuardedRelay(GuardedWhole):
    """A relay that asks about streams as well."""

    __slots__ = ("_awaited", "_decoder", "_fault", "_guard", "_out", "_reader", "_refused")

    def __init__(
        self,
        pipeline: Pipeline,
        exchange: Exchange,
        client: Client,
        reply: IncomingReply,
        ended: Ended,
        again: Again,
    ) -> None:
        super().__init__(pipeline, exchange, client, reply, ended, again)
        self._refused: Refusal | None = None
        self._awaited: asyncio.Task[bytes] | None = None
        self._out: Out | None = None
        self._fault: EncodingError | StreamError | None = None

    def close(self) -> None:
        """Lets go of the upstream's connection, and of whoever waits for it."""
        if self._awaited is not None:
            self._awaited.cancel()
        super().close()

    async def _packed_events(self) -> Refusal | None:
        return await (self._events() if self._judges else super()._packed_events())

    async def _events(self) -> Refusal | None:
        if not self._judges:
            return await super()._events()
        try:
            return await self._guarded_events()
        except (EncodingError, StreamError) as error:
            self._exchange.error = f"{type(error).__name__}: {error}"[:500]
            return await self._stopped(UNREADABLE)

    async def _guarded_events(self) -> Refusal | None:
        pipeline, reply = self._pipeline, self._reply
        self._reader = EventReader()
        self._decoded = True
        self._decoder = Decoder(first_header(reply.headers, b"content-encoding"))
        self._guard = guard = StreamGuard(
            self._exchange,
            self._format,
            pipeline.watch,
            pipeline.allow_tool,
            max_hold_ms=pipeline.sizes.hold_ms,
            max_hold_chars=pipeline.sizes.hold_characters,
        )
        broken: TransportError | None = None
        while True:
            try:
                data = await self._next(guard)
            except TransportError as error:
                broken = error
                break
            if data is None:
                out = await guard.feed(())
            elif not data:
                break
            else:
                out = await self._fed(data)
            if out.raw and not await self._released(out.raw):
                return self._refused
            if out.refusal is not None:
                return await self._stopped(out.refusal)
        if broken is None and not self._recorded and ends_by_closing(reply.headers):
            broken = UpstreamBroken("it closed the connection without a last event")
        out = await guard.finish(self._reader.rest(), broken=broken is not None)
        if out.raw and not await self._released(out.raw):
            return self._refused
        if out.refusal is not None:
            return await self._stopped(out.refusal)
        if broken is not None:
            return await self._cut(broken, events=True) if self.started else self._trouble(broken)
        return await self._finished_stream()

    async def _fed(self, data: bytes) -> Out:
        """Gives what may go out with this piece of the reply, which may have been asked about before."""
        if self._fault is not None:
            raise self._fault
        out, self._out = self._out, None
        if out is None:
            plain = self._decoder.feed(data)
            self._keep(plain)
            out = await self._guard.feed(self._reader.feed(plain))
        return out

    def _guarded_at_once(self, data: bytes) -> bool:
        """Asks about a piece that has just come, and lets it go, where nothing of this has to wait.

        What cannot go out so is kept for who waits for the piece, and who must not ask about it again.
        """
        try:
            out = at_once(self._fed(data))
        except (EncodingError, StreamError) as error:
            self._fault = error
            return False
        if out.refusal is None and self._guard.due is None and not self._client.paused:
            if not out.raw:
                return True
            may_go = self.started and (self._recorded or not self._format.may_end(out.raw))
            if may_go and self._written_at_once(out.raw):
                return True
        self._out = out
        return False

    async def _next(self, guard: StreamGuard) -> bytes | None:
        """Gives the next piece of the reply; None where what is held has waited long enough first."""
        if self._awaited is None:
            if guard.due is None:
                return await self._reply.chunk(self._guarded_at_once if self._pipeline.guards_at_once else None)
            self._awaited = asyncio.ensure_future(self._reply.chunk())
        if guard.due is not None:
            await asyncio.wait((self._awaited,), timeout=max(0.0, (guard.due - self._pipeline.clock()) / 1e9))
            if not self._awaited.done():
                return None
        awaited, self._awaited = self._awaited, None
        return await awaited

    async def _released(self, raw: bytes) -> bool:
        """Sends what the guard let go; before the last event the review and the record have their say."""
        if not self._recorded and self._format.may_end(raw):
            raw, last = self._apart_from_end(raw)
            if last:
                if raw:
                    await self._write(raw)
                refusal = await self._recorded_stream()
                if refusal is not None:
                    self._refused = await self._stopped(refusal)
                    return False
                raw = last
        await self._write(raw)
        return True

    async def _recorded_stream(self) -> Refusal | None:
        """Asks the review about the stream, and writes the record."""
        self._note_events()
        refusal = await self._stream_reviewed()
        if refusal is None:
            self._recorded = True
            refusal = await self._ended("answered")
        return refusal

    async def _write(self, raw: bytes) -> None:
        if not self.started:
            self._start(None, changed=True)
        if self._client.paused:
            await self._client.drained()
        self._client.write(raw)
        if self._client.paused:
            await self._client.drained()

    async def _finished_stream(self) -> Refusal | None:
        if not self._recorded:
            refusal = await self._recorded_stream()
            if refusal is not None:
                return await self._stopped(refusal)
        if not self.started:
            self._start(None, changed=True)
        self._client.finish()
        return None

    async def _stream_reviewed(self) -> Refusal | None:
        """Asks the review about a stream that has gone out but for its end; only a refusal still counts."""
        for implementation in self._pipeline.review:
            answer = implementation.ask(self._exchange)
            if answer.__class__ is Pending:
                answer = await answer
            if isinstance(answer, Refusal):
                return answer
            if isinstance(answer, Amendment | Retry):
                implementation.unusable(self._exchange, "the stream is already going out")
        return None

    async def _stopped(self, refusal: Refusal) -> Refusal | None:
        """Ends the stream with a refusal: as a plain answer while nothing has gone out, else as an error event."""
        if not self.started:
            return refusal
        self._exchange.refusal = refusal
        if self._exchange.reply is None:
            self._note(b"".join(self._kept) if self._kept else None, streamed=True, whole=False)
        await self._ended("refused")
        self._client.write(error_event(refusal_object(refusal)["error"], self._format))
        self._client.abort()
        return None
