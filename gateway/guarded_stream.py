"""Relays one stream of events that plugins judge: its texts and calls are asked about before they go out.

A stream that is already going out cannot be taken back: a review's refusal ends it with an error event in the place of
its last event.
"""

import asyncio

from gateway.answers import Refusal
from gateway.encoding import EncodingError
from gateway.errors import refusal_object
from gateway.exchange import first_header
from gateway.formats import WITH_TEXTS
from gateway.formats.seams import Seam
from gateway.guard import Out, Sluice, StreamGuard
from gateway.guard.asking import UNREADABLE
from gateway.guarded_whole import GuardedWhole
from gateway.late_review import reviewed_late
from gateway.read_again import can_show_rest
from gateway.relay import BOUNDARIES, Relay, ends_by_closing
from gateway.sse import StreamError, error_event
from gateway.tools.loop import can_loop
from gateway.transport import TransportError, UpstreamBroken


class GuardedStream(GuardedWhole):
    """A relay that asks about streams as well; `GuardedRelay` says what follows on the calls in one.

    `_seam` is what makes a stream one without the calls that do not go out, None while there are none.
    """

    __slots__ = ("_awaited", "_guard", "_is_calm_stream", "_refused", "_seam", "_sluice")

    def _set_out(self) -> None:
        super()._set_out()
        self._refused: Refusal | None = None
        self._awaited: asyncio.Task[bytes] | None = None
        self._seam: Seam | None = None
        self._is_calm_stream = False

    def close(self) -> None:
        """Lets go of the upstream's connection, and of whoever waits for it."""
        if self._awaited is not None:
            self._awaited.cancel()
        super().close()

    def part(self) -> None:
        """Parts from the guard, which knows this relay: without the knot both go at once, not at some collection."""
        for name in ("_guard", "_sluice"):
            if hasattr(self, name):
                delattr(self, name)

    # What follows on calls, for who knows of steps.

    def _begun_seam(self, before: bytes) -> Seam | None:
        """Gives what makes the stream one without a call that does not go out; `before` does so now.

        None where that is not possible any more.
        """
        raise NotImplementedError

    async def _turn_ended(self) -> Refusal | None:
        """Does what follows on a turn of which the client gets no call, and so not its end."""
        raise NotImplementedError

    async def _mixed_turn_ended(self) -> None:
        """Does what follows on a turn of which the client gets some calls, and not the others."""
        raise NotImplementedError

    def _keep_out(self, raw: bytes) -> None:
        """Keeps what goes out, where that is not, or may not be, what came."""
        raise NotImplementedError

    # The way of a stream.

    async def _packed_events(self) -> Refusal | None:
        return await (self._events() if self._judges else super()._packed_events())

    async def _events(self) -> Refusal | None:
        if not self._judges:
            return await super()._events()
        try:
            return await self._judged_events()
        except (EncodingError, StreamError) as error:
            self._exchange.error = f"{type(error).__name__}: {error}"[:500]
            return await self._stopped(UNREADABLE)

    async def _judged_events(self) -> Refusal | None:
        self._begin_guard()
        broken: TransportError | None = None
        while True:
            try:
                out = await self._next_out()
            except TransportError as error:
                broken = error
                break
            if out is None:
                break
            if not await self._let_out(out):
                return self._refused
        if broken is None and not (self._recorded or self._guard.ended) and ends_by_closing(self._reply.headers):
            broken = UpstreamBroken("it closed the connection without a last event")
        if not await self._let_out(await self._sluice.finish(broken=broken is not None)):
            return self._refused
        if broken is not None and not self._recorded:
            return await self._cut(broken, events=True) if self.started else self._trouble(broken)
        if self._guard.goes_on and not self._recorded:
            return await self._turn_ended()
        return await self._finished_stream()

    def _begin_guard(self) -> None:
        pipeline, exchange = self._pipeline, self._exchange
        self._decoded = True
        self._guard = StreamGuard(
            exchange,
            self._format,
            pipeline.watch,
            pipeline.allow_tool,
            max_hold_ms=pipeline.sizes.hold_ms,
            max_hold_chars=pipeline.sizes.hold_characters,
            loops=can_loop(exchange) or can_show_rest(exchange, self._format),
            seam=self._seam,
            begin_seam=self._begun_seam,
        )
        self._sluice = Sluice(self._guard, first_header(self._reply.headers, b"content-encoding"), self._keep)
        if not (self.started or pipeline.reads_all or exchange.hosted) and self._sluice.is_plain:
            # Only calls are asked about, and those can be answered: nothing will take the place of this reply.
            self._start(None)

    # What comes in.

    async def _next_out(self) -> Out | None:
        """Gives what may go out next, None at the end of the reply. Errors: TransportError."""
        self._is_calm_stream = self._looks_calm()
        data = await self._next()
        if data is None:
            return await self._guard.feed(())
        return await self._sluice.feed(data) if data else None

    async def _next(self) -> bytes | None:
        """Gives the next piece of the reply; None where what is held has waited long enough first."""
        guard = self._guard
        if self._awaited is None:
            if guard.due is None:
                take = self._guarded_at_once if self._pipeline.guards_at_once else self._passed_at_once
                return await self._reply.chunk(take)
            self._awaited = asyncio.ensure_future(self._reply.chunk())
        if guard.due is not None:
            await asyncio.wait((self._awaited,), timeout=max(0.0, (guard.due - self._pipeline.clock()) / 1e9))
            if not self._awaited.done():
                return None
        awaited, self._awaited = self._awaited, None
        return await awaited

    def _looks_calm(self) -> bool:
        """Whether whole events without a call may pass unread; such events do not change the answer."""
        return self.started and not self._recorded and self._sluice.is_calm

    def _passed_at_once(self, data: bytes) -> bool:
        """Lets a piece go that has just come and holds nothing that somebody has to be asked about."""
        if not self._is_calm_stream or self._client.paused or not data.endswith(BOUNDARIES):
            return False
        form = self._format
        if form.may_call(data) or form.may_end(data) or not self._written_at_once(data):
            return False
        Relay._keep(self, data)
        return True

    def _guarded_at_once(self, data: bytes) -> bool:
        """Asks about a piece that has just come, and lets it go, where nothing of this has to wait."""
        if self._passed_at_once(data):
            return True
        self._is_calm_stream = False
        out = self._sluice.fed_at_once(data)
        if out is None:
            return False
        if self._sent_at_once(out):
            self._is_calm_stream = self._looks_calm()
            return True
        self._sluice.hold(out)
        return False

    def _sent_at_once(self, out: Out) -> bool:
        if out.refusal is not None or self._guard.due is not None or self._client.paused:
            return False
        if out.raw:
            may_go = self.started and (self._recorded or not self._format.may_end(out.raw))
            if not may_go or not self._written_at_once(out.raw):
                return False
            self._keep_out(out.raw)
        return True

    # What goes out.

    async def _let_out(self, out: Out) -> bool:
        """Sends what may go out; False where the stream ends there, for what `_refused` says."""
        if out.raw and not await self._released(out.raw):
            return False
        if out.refusal is not None:
            self._refused = await self._stopped(out.refusal)
            return False
        return True

    async def _released(self, raw: bytes) -> bool:
        """Sends what the guard let go; before the last event the review and the record have their say."""
        if not self._recorded and self._format.may_end(raw):
            raw, last = self._apart_from_end(raw)
            if last:
                if raw:
                    await self._write(raw)
                refusal = await self._recorded_stream(last)
                if refusal is not None:
                    self._refused = await self._stopped(refusal)
                    return False
                raw = last
        await self._write(raw)
        return True

    async def _write(self, raw: bytes) -> None:
        if not self.started:
            self._start(None, changed=True)
        if not self._recorded:
            self._keep_out(raw)
        if self._client.paused:
            await self._client.drained()
        self._client.write(raw)
        if self._client.paused:
            await self._client.drained()

    # How it ends.

    async def _recorded_stream(self, last: bytes = b"") -> Refusal | None:
        """Asks the review about the stream, which ends with `last`, and writes the record."""
        if self._guard.is_mixed:
            await self._mixed_turn_ended()
        if self._seam is not None and self._loop is not None and self._loop.steps > 1:
            await self._loop.keep_response(*self._seam.ids)
        if last:
            self._keep_out(last)
        self._note_events()
        review = self._pipeline.review if self._format.name in WITH_TEXTS else ()
        refusal = await reviewed_late(review, self._exchange)
        if refusal is None:
            self._recorded = True
            refusal = await self._ended("answered")
        return refusal

    async def _finished_stream(self) -> Refusal | None:
        if not self._recorded:
            refusal = await self._recorded_stream()
            if refusal is not None:
                return await self._stopped(refusal)
        if not self.started:
            self._start(None, changed=True)
        self._client.finish()
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
