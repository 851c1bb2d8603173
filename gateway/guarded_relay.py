"""Relays a reply that plugins judge: its texts and calls are asked about before they go out, and then the whole.

A whole reply may also send the exchange round again: with the results of tools that ran here, or once because
a review asked for another try. A stream that is already going out cannot be taken back: a review's refusal ends
it with an error event in the place of its last event.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from gateway.answers import Amendment, Change, Nudge, Refusal, Retry, ToolCall
from gateway.client import Client
from gateway.decide import changed, judged, observed
from gateway.encoding import Decoder, EncodingError
from gateway.errors import refusal_object
from gateway.exchange import Exchange, first_header
from gateway.guard import Out, StreamGuard, guard_whole, result_of
from gateway.hooks import Implementation, Pending, at_once
from gateway.pipeline import Pipeline
from gateway.relay import Ended, Relay, ends_by_closing
from gateway.splice import SpliceError, spliced
from gateway.sse import EventReader, StreamError, error_event
from gateway.transport import IncomingReply, TransportError, UpstreamBroken

Again: TypeAlias = Callable[[], Awaitable[IncomingReply | Refusal]]

UNREADABLE = Refusal(
    "The upstream's reply cannot be read, so that the checks of this gateway could not be made.",
    code="unreadable_reply",
    status=502,
    type="upstream_error",
)
TOO_MANY_STEPS = Refusal(
    "The model asked for tools more often than this gateway allows in one exchange.", code="tool_loop_limit", status=502
)


class GuardedRelay(Relay):
    """A relay that asks `allow_tool`, `run_tool`, `watch` and `review`; `again` sends the exchange's request anew."""

    __slots__ = (
        "_again",
        "_awaited",
        "_decoder",
        "_fault",
        "_guard",
        "_out",
        "_reader",
        "_refused",
        "_retried",
        "_steps",
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
        super().__init__(pipeline, exchange, client, reply, ended)
        self._again = again
        self._retried = False
        self._steps = 0
        self._refused: Refusal | None = None
        self._awaited: asyncio.Task[bytes] | None = None
        self._out: Out | None = None
        self._fault: EncodingError | StreamError | None = None

    def close(self) -> None:
        """Lets go of the upstream's connection, and of whoever waits for it."""
        if self._awaited is not None:
            self._awaited.cancel()
        super().close()

    @property
    def _judges(self) -> bool:
        """Whether this reply is one that the hooks read: a good one, in a format that has texts and calls."""
        return self._reply.status < 400 and self._format.name != "plain"

    async def _bytes(self) -> Refusal | None:
        if self._judges:
            return UNREADABLE
        return await super()._bytes()

    # Whole replies.

    async def _whole(self) -> Refusal | None:
        if self._reply.status >= 400:
            return await super()._whole()
        while True:
            body = await self._read_whole()
            if isinstance(body, Refusal):
                return body
            self._decoded = False
            self._note(body)
            outcome = await self._judged(body)
            if isinstance(outcome, Refusal):
                return outcome
            if outcome is not None:
                break
            refusal = await self._sent_again()
            if refusal is not None:
                return refusal
        refusal = await self._ended("answered")
        if refusal is None:
            reply = self._reply
            self.started = True
            self._client.respond(reply.status, self._headers(changed=outcome is not body), outcome, reply.reason)
        return refusal

    async def _read_whole(self) -> bytes | Refusal:
        try:
            return await self._reply.read(self._pipeline.sizes.json_body)
        except TransportError as error:
            return self._trouble(error)

    async def _sent_again(self) -> Refusal | None:
        self._reply.close()
        try:
            reply = await self._again()
        except TransportError as error:
            return self._trouble(error)
        if isinstance(reply, Refusal):
            return reply
        self._reply = reply
        return None

    async def _judged(self, body: bytes) -> bytes | Refusal | None:
        """Gives the body that goes out, the refusal in its place, or None where the upstream is to be asked again."""
        pipeline, exchange, reply = self._pipeline, self._exchange, self._exchange.reply
        read = reply.json if reply is not None else None
        if read is None:
            return UNREADABLE if self._judges else body
        guarded = await guard_whole(exchange, self._format, pipeline.watch, pipeline.allow_tool, read)
        if guarded.refusal is not None:
            return guarded.refusal
        if pipeline.run_tool:
            ran = await self._tools_ran(read)
            if isinstance(ran, Refusal):
                return ran
            if ran:
                return None
        if guarded.changes:
            body = self._amended(guarded.changes)
        return await self._reviewed(body)

    async def _tools_ran(self, read: object) -> bool | Refusal:
        """Runs the calls that plugins take; True where the model is to be told the results."""
        pipeline, exchange = self._pipeline, self._exchange
        results: list[tuple[ToolCall, str]] = []
        calls = [found.call for found in self._format.calls(read)]
        for call in calls:
            result = await result_of(pipeline.run_tool, exchange, call)
            if result is None:
                return False
            results.append((call, result.output))
        if not results:
            return False
        self._steps += 1
        if self._steps >= pipeline.sizes.loop_steps:
            return TOO_MANY_STEPS
        changes = self._format.tool_results(exchange.request.json, read, results)
        exchange.request = changed(exchange.request, Nudge(changes, because="tools ran here"))
        if pipeline.observe:
            await observed(pipeline.observe, exchange)
        return await judged(pipeline.judge, exchange) or True

    async def _reviewed(self, body: bytes) -> bytes | Refusal | None:
        for implementation in self._pipeline.review:
            answer = implementation.ask(self._exchange)
            if answer.__class__ is Pending:
                answer = await answer
            if isinstance(answer, Refusal):
                return answer
            if isinstance(answer, Retry) and not self._retried and self._can_change(implementation, answer):
                self._retried = True
                return None
            if isinstance(answer, Amendment):
                try:
                    body = self._amended(answer.changes)
                except (SpliceError, ValueError, TypeError) as error:
                    substitute = implementation.unusable(self._exchange, str(error))
                    if isinstance(substitute, Refusal):
                        return substitute
        return body

    def _can_change(self, implementation: Implementation, retry: Retry) -> bool:
        try:
            self._exchange.request = changed(self._exchange.request, Nudge(retry.changes, because=retry.because))
        except (SpliceError, ValueError, TypeError) as error:
            implementation.unusable(self._exchange, str(error))
            return False
        return True

    def _amended(self, changes: tuple[Change, ...]) -> bytes:
        """Changes the reply, so that whoever is asked next sees the work of those before."""
        reply = self._reply
        encoding = first_header(reply.headers, b"content-encoding")
        current = self._exchange.reply.body if self._exchange.reply else b""
        body = spliced(Decoder(None if self._decoded else encoding).feed(current or b""), changes)
        self._decoded = True
        self._note(body)
        return body

    # Streams.

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
