"""Relays a reply that plugins judge: its texts and calls are asked about before they go out, and then the whole.

A stream that is already going out cannot be taken back: a review's refusal ends it with an error event in the place of
its last event. The streams of a loop's steps go out as one, of which nothing is changed before the first call that is
not the client's.
"""

import asyncio

from gateway.answers import Amendment, Refusal, Retry
from gateway.client import Client
from gateway.encoding import Decoder, EncodingError
from gateway.errors import refusal_object
from gateway.exchange import Exchange, first_header
from gateway.formats import WITH_TEXTS
from gateway.formats.seams import Seam
from gateway.formats.strangers import decoded, member
from gateway.guard import Out, StreamGuard
from gateway.guarded_whole import UNREADABLE, Again, GuardedWhole
from gateway.hooks import Pending, at_once
from gateway.pipeline import Pipeline
from gateway.read_again import ONE_STEP, can_show_rest
from gateway.relay import BOUNDARIES, Ended, Relay, ends_by_closing, is_stream
from gateway.sse import EventReader, StreamError, error_event
from gateway.tools.loop import can_loop
from gateway.transport import IncomingReply, TransportError, UpstreamBroken


class GuardedRelay(GuardedWhole):
    """A relay that asks about streams as well.

    `_seam` makes one stream of those of the steps, where there is more than one; then `_kept` is what went out, and
    `_step_kept` what came of this step. Before that `_gone_out` is what went out, where texts of it may be hidden.
    """

    __slots__ = (
        "_awaited",
        "_decoder",
        "_fault",
        "_goes_on",
        "_gone_out",
        "_guard",
        "_is_calm_stream",
        "_is_plain",
        "_out",
        "_reader",
        "_refused",
        "_seam",
        "_step_bytes",
        "_step_kept",
    )

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
        self._seam: Seam | None = None
        self._gone_out: list[bytes] = []
        self._step_kept: list[bytes] = []
        self._step_bytes = 0
        self._goes_on = False
        self._is_calm_stream = False

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
            refusal = await self._guarded_events()
            while refusal is None and self._goes_on:
                refusal = await self._step_events()
            return refusal
        except (EncodingError, StreamError) as error:
            self._exchange.error = f"{type(error).__name__}: {error}"[:500]
            return await self._stopped(UNREADABLE)

    async def _step_events(self) -> Refusal | None:
        """Asks the upstream again and relays what comes, which need not be a stream."""
        self._goes_on = False
        refusal = await self._sent_again()
        if refusal is not None:
            return await self._stopped(refusal)
        self._step_kept, self._step_bytes = [], 0
        if self._judges and is_stream(self._reply):
            return await self._guarded_events()
        if not self.started:
            self._joined = False
            return await self._whole()
        error = UpstreamBroken(f"it answered a later step of the stream with status {self._reply.status}")
        return await self._cut(error, events=True)

    async def _guarded_events(self) -> Refusal | None:
        pipeline, reply = self._pipeline, self._reply
        encoding = first_header(reply.headers, b"content-encoding")
        self._reader = EventReader()
        self._decoded = True
        self._decoder = Decoder(encoding)
        self._is_plain = encoding is None
        self._guard = guard = StreamGuard(
            self._exchange,
            self._format,
            pipeline.watch,
            pipeline.allow_tool,
            max_hold_ms=pipeline.sizes.hold_ms,
            max_hold_chars=pipeline.sizes.hold_characters,
            loops=can_loop(self._exchange) or can_show_rest(self._exchange, self._format),
            seam=self._seam,
            begin_seam=self._begun_seam,
        )
        if not (self.started or pipeline.reads_all or self._exchange.hosted) and self._is_plain:
            # Only calls are asked about, and those can be answered: nothing will take the place of this reply.
            self._start(None)
        broken: TransportError | None = None
        while True:
            self._is_calm_stream = self._looks_calm()
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
        if broken is None and not (self._recorded or guard.ended) and ends_by_closing(reply.headers):
            broken = UpstreamBroken("it closed the connection without a last event")
        # Half an event is none: what breaks off ends with the last whole one.
        out = await guard.finish(b"" if broken is not None else self._reader.rest(), broken=broken is not None)
        if out.raw and not await self._released(out.raw):
            return self._refused
        if out.refusal is not None:
            return await self._stopped(out.refusal)
        if broken is not None and not self._recorded:
            return await self._cut(broken, events=True) if self.started else self._trouble(broken)
        if guard.goes_on and not self._recorded:
            return await (self._turn_ended() if can_loop(self._exchange) else self._stopped(ONE_STEP))
        return await self._finished_stream()

    async def _turn_ended(self) -> Refusal | None:
        """Runs and answers the calls of a turn of which the client gets none, and makes the next request."""
        withheld = await self._guard.turn()
        self._note_step()
        reply = self._exchange.reply
        read = reply.json if reply is not None else None
        answers = await self._tool_loop().answered(withheld, await self._step_tokens())
        refusal = await self._asked_on(read, answers, blocked=any(call.refusal for call in withheld))
        if refusal is not None:
            if self.started:
                self._exchange.reply = None
            return await self._stopped(refusal)
        if self._seam is not None:
            self._seam.next_step(member(read, "usage"))
        self._goes_on = True
        return None

    async def _mixed_turn_ended(self) -> None:
        """Runs the calls of a turn of which the client gets others, and keeps the results until it comes back."""
        withheld = await self._guard.turn()
        self._note_step()
        answers = await self._tool_loop().answered(withheld, await self._step_tokens())
        await self._tool_loop().keep(answers, self._guard.delivered)

    def _begun_seam(self, before: bytes) -> Seam | None:
        """Gives what makes one stream of the steps, once there is a call that does not go out; `before` does so now.

        None where more went out than was kept.
        """
        if self._kept_bytes > self._pipeline.sizes.kept_reply:
            return None
        if self._pipeline.watch:
            out = b"".join((*self._gone_out, before))
        else:
            came = b"".join(self._kept)
            out = came[: len(came) - self._guard.held_bytes - len(self._reader.rest())]
        self._seam = seam = self._format.seam()
        for event in EventReader(max_event_bytes=len(out) + 1).feed(out):
            if event.data is not None:
                seam.saw(decoded(event.data))
        self._step_kept, self._step_bytes = self._kept, self._kept_bytes
        self._kept, self._kept_bytes = [out[: len(out) - len(before)]], len(out) - len(before)
        self._joined = True
        return seam

    def _note_step(self) -> None:
        """Writes what came of this step into the exchange, for those who count it and run its calls."""
        came = self._step_kept if self._seam is not None else self._kept
        self._note(b"".join(came), streamed=True)

    def _keep(self, data: bytes) -> None:
        if self._seam is None:
            super()._keep(data)
            return
        self._step_bytes += len(data)
        if self._step_bytes > self._pipeline.sizes.kept_reply:
            raise StreamError("A step of the stream is longer than what is kept of it.")
        self._step_kept.append(data)

    def _keep_out(self, raw: bytes) -> None:
        """Keeps what goes out, where that is not, or may not be, what came."""
        if self._seam is not None:
            Relay._keep(self, raw)
        elif self._pipeline.watch and self._kept_bytes <= self._pipeline.sizes.kept_reply:
            self._gone_out.append(raw)

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

    def _passed_at_once(self, data: bytes) -> bool:
        """Lets a piece go that has just come and holds nothing that somebody has to be asked about."""
        if not self._is_calm_stream or self._client.paused or not data.endswith(BOUNDARIES):
            return False
        form = self._format
        if form.may_call(data) or form.may_end(data) or not self._written_at_once(data):
            return False
        Relay._keep(self, data)
        return True

    def _looks_calm(self) -> bool:
        """Whether nothing waits and nothing was changed, so that whole events without a call may pass unread.

        Such events do not change the answer.
        """
        return (
            self._is_plain
            and self.started
            and not self._recorded
            and self._out is None
            and self._fault is None
            and self._guard.is_calm
            and self._reader.is_between
        )

    def _guarded_at_once(self, data: bytes) -> bool:
        """Asks about a piece that has just come, and lets it go, where nothing of this has to wait.

        What cannot go out so is kept for who waits for the piece, and who must not ask about it again.
        """
        if self._passed_at_once(data):
            return True
        self._is_calm_stream = False
        try:
            out = at_once(self._fed(data))
        except (EncodingError, StreamError) as error:
            self._fault = error
            return False
        if out.refusal is None and self._guard.due is None and not self._client.paused:
            if not out.raw:
                self._is_calm_stream = self._looks_calm()
                return True
            may_go = self.started and (self._recorded or not self._format.may_end(out.raw))
            if may_go and self._written_at_once(out.raw):
                self._keep_out(out.raw)
                self._is_calm_stream = self._looks_calm()
                return True
        self._out = out
        return False

    async def _next(self, guard: StreamGuard) -> bytes | None:
        """Gives the next piece of the reply; None where what is held has waited long enough first."""
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

    async def _recorded_stream(self, last: bytes = b"") -> Refusal | None:
        """Asks the review about the stream, which ends with `last`, and writes the record."""
        if self._guard.is_mixed and can_loop(self._exchange):
            await self._mixed_turn_ended()
        if self._seam is not None and self._loop is not None and self._loop.steps > 1:
            await self._loop.keep_response(*self._seam.ids)
        if last:
            self._keep_out(last)
        self._note_events()
        refusal = await self._stream_reviewed()
        if refusal is None:
            self._recorded = True
            refusal = await self._ended("answered")
        return refusal

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
        for implementation in self._pipeline.review if self._format.name in WITH_TEXTS else ():
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
