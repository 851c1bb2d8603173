"""Relays a reply that plugins judge, whole or streamed, and makes one stream of those of a loop's steps.

Of a stream nothing is changed before the first call that is not the client's. From there on two things are kept apart:
what came of a step, which the next one is made from, and what went out of all, which the record tells of.
"""

from gateway.answers import Refusal
from gateway.formats.seams import Seam
from gateway.formats.strangers import decoded, member
from gateway.guarded_stream import GuardedStream
from gateway.read_again import ONE_STEP
from gateway.relay import Relay, is_stream
from gateway.sse import EventReader, StreamError
from gateway.tools.loop import can_loop
from gateway.transport import UpstreamBroken


class GuardedRelay(GuardedStream):
    """A relay that asks every hook there is.

    Where there is a seam, `_kept` is what went out, and `_step_kept` what came of this step. Before that `_gone_out` is
    what went out, where texts of it may be hidden.
    """

    __slots__ = ("_goes_on", "_gone_out", "_step_bytes", "_step_kept")

    def _set_out(self) -> None:
        super()._set_out()
        self._gone_out: list[bytes] = []
        self._step_kept: list[bytes] = []
        self._step_bytes = 0
        self._goes_on = False

    async def _judged_events(self) -> Refusal | None:
        refusal = await super()._judged_events()
        while refusal is None and self._goes_on:
            refusal = await self._step_events()
        return refusal

    async def _step_events(self) -> Refusal | None:
        """Asks the upstream again and relays what comes, which need not be a stream."""
        self._goes_on = False
        refusal = await self._sent_again()
        if refusal is not None:
            return await self._stopped(refusal)
        self._step_kept, self._step_bytes = [], 0
        if self._judges and is_stream(self._reply):
            return await super()._judged_events()
        if not self.started:
            self._joined = False
            return await self._whole()
        error = UpstreamBroken(f"it answered a later step of the stream with status {self._reply.status}")
        return await self._cut(error, events=True)

    # What follows on calls.

    async def _turn_ended(self) -> Refusal | None:
        """Runs and answers the calls of a turn of which the client gets none, and makes the next request."""
        if not can_loop(self._exchange):
            return await self._stopped(ONE_STEP)
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
        if not can_loop(self._exchange):
            return
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
            out = came[: len(came) - self._sluice.waiting_bytes]
        self._seam = seam = self._format.seam()
        for event in EventReader(max_event_bytes=len(out) + 1).feed(out):
            if event.data is not None:
                seam.saw(decoded(event.data))
        self._step_kept, self._step_bytes = self._kept, self._kept_bytes
        self._kept, self._kept_bytes = [out[: len(out) - len(before)]], len(out) - len(before)
        self._joined = True
        return seam

    # What came of a step, and what went out of all.

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
        if self._seam is not None:
            Relay._keep(self, raw)
        elif self._pipeline.watch and self._kept_bytes <= self._pipeline.sizes.kept_reply:
            self._gone_out.append(raw)
