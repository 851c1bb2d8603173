"""Relays a whole reply that plugins judge, and sends the exchange round again while tools are called here.

To the client the steps of a loop are one reply: the last one, with the texts of those before, and the usage of all.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from gateway.answers import Amendment, Change, Nudge, Path, Refusal, Retry, Usage
from gateway.client import Client
from gateway.decide import accounted, changed, judged, observed, shaped_again
from gateway.encoding import decoded
from gateway.exchange import Exchange, first_header
from gateway.formats import WITH_CALLS, WITH_TEXTS
from gateway.formats.found import Answered
from gateway.formats.seams import Said
from gateway.guard import Guarded, guard_whole
from gateway.guard.asking import UNREADABLE
from gateway.hooks import Implementation, Pending
from gateway.pipeline import Pipeline
from gateway.read_again import ONE_STEP, can_show_rest
from gateway.reading import reported_usage
from gateway.relay import Ended, Relay
from gateway.splice import SpliceError, spliced
from gateway.tools.loop import ToolLoop, can_loop
from gateway.tools.spent import summed, tokens_of
from gateway.transport import IncomingReply, TransportError

Again: TypeAlias = Callable[[], Awaitable[IncomingReply | Refusal]]

_READ_HERE = frozenset((b"utf-8", b"utf8", b"us-ascii", b"ascii"))


class GuardedWhole(Relay):
    """A relay that asks `allow_tool`, `run_tool`, `watch` and `review`; `again` sends the exchange's request anew.

    `_said` is what the steps before this one gave to the reply, `_earlier` what they took.
    """

    __slots__ = ("_again", "_earlier", "_joined", "_loop", "_retried", "_said", "_step")

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
        self._set_out()

    def _set_out(self) -> None:
        """Sets what is so before the first byte; who knows more of replies adds to it."""
        self._retried = False
        self._loop: ToolLoop | None = None
        self._said: list[Said] = []
        self._step: Usage | None = None
        self._earlier: Usage | None = None
        self._joined = False

    def total(self, usage: Usage | None) -> Usage | None:
        """Gives what all steps took; `usage` is what was counted of the reply in the exchange."""
        if self._earlier is None or (self._joined and reported_usage(self._exchange) is not None):
            return usage
        return summed(self._earlier, usage)

    @property
    def _judges(self) -> bool:
        """Whether this reply is one that the hooks read: a good one, in a format that has what they are asked about."""
        name = self._format.name
        return self._reply.status < 400 and (name in WITH_CALLS or (self._pipeline.reads_all and name in WITH_TEXTS))

    def _refusal_of_kind(self, kind: bytes) -> Refusal | None:
        """Gives the refusal of a reply that its reader would take for other letters than are read here."""
        name, _, rest = kind.partition(b"charset")[2].partition(b";")
        if name.strip(b' \t="') in _READ_HERE and b"charset" not in rest:
            return None
        return UNREADABLE if self._judges else None

    async def _bytes(self) -> Refusal | None:
        """Reads what says that it is something else; it goes out if nobody has to be asked about anything in it."""
        if self._judges:
            return await self._whole()
        return await super()._bytes()

    async def _whole(self) -> Refusal | None:
        while True:
            if self._reply.status >= 400:
                return await super()._whole()
            body = await self._read_whole()
            if isinstance(body, Refusal):
                return body
            self._decoded = False
            self._note(body)
            outcome = body if self._is_calm(body) else await self._judged(body)
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

    def _is_calm(self, body: bytes) -> bool:
        """Whether there is nothing in a reply that somebody has to be asked about; tells without reading it."""
        return (
            not self._pipeline.reads_all
            and not self._said
            and first_header(self._reply.headers, b"content-encoding") is None
            and not self._format.may_hold_call(body)
        )

    async def _read_whole(self) -> bytes | Refusal:
        try:
            return await self._reply.read(self._pipeline.sizes.json_body)
        except TransportError as error:
            return self._trouble(error)

    async def _sent_again(self) -> Refusal | None:
        self._reply.close()
        self._earlier, self._step = summed(self._earlier, self._step), None
        self._exchange.usage = None
        try:
            reply = await self._again()
        except TransportError as error:
            return self._trouble(error)
        if isinstance(reply, Refusal):
            return reply
        self._reply = reply
        kind = (first_header(reply.headers, b"content-type") or b"").lower()
        return self._refusal_of_kind(kind) if b"charset" in kind else None

    async def _judged(self, body: bytes) -> bytes | Refusal | None:
        """Gives the body that goes out, the refusal in its place, or None where the upstream is to be asked again."""
        pipeline, exchange, reply = self._pipeline, self._exchange, self._exchange.reply
        read = reply.json if reply is not None else None
        if read is None:
            return UNREADABLE if self._judges else body
        shows_rest = can_show_rest(exchange, self._format)
        guarded = await guard_whole(
            exchange,
            self._format,
            pipeline.watch,
            pipeline.allow_tool,
            read,
            body=decoded(body, first_header(self._reply.headers, b"content-encoding")),
            loops=shows_rest or can_loop(exchange),
        )
        if guarded.refusal is not None:
            return guarded.refusal
        if guarded.withheld and shows_rest:
            refusal = next((call.refusal for call in guarded.withheld if not call.path), None)
            if refusal is not None or self._is_one_step(read, guarded):
                return refusal or ONE_STEP
        elif guarded.withheld and not self._format.cut_short(read):
            answers = await self._answered(guarded)
            if not guarded.delivered:
                return await self._next_step(read, guarded, answers)
            await self._tool_loop().keep(answers, guarded.delivered)
        if guarded.changes:
            body = self._amended(guarded.changes)
        return await self._reviewed(self._as_one(body, [call.path for call in guarded.withheld]))

    def _is_one_step(self, read: Any, guarded: Guarded) -> bool:
        """Whether a reply that is read again is one that was never the client's, since another step followed."""
        return not (guarded.delivered or self._format.name == "listings" or self._format.cut_short(read))

    async def _answered(self, guarded: Guarded) -> list[Answered]:
        """Runs what runs here, and counts the step that called for it."""
        return await self._tool_loop().answered(guarded.withheld, await self._step_tokens())

    async def _next_step(self, read: Any, guarded: Guarded, answers: Sequence[Answered]) -> Refusal | None:
        refusal = await self._asked_on(read, answers, blocked=any(call.refusal for call in guarded.withheld))
        if refusal is None:
            if guarded.changes:
                self._amended(guarded.changes)
                read = self._exchange.reply.json if self._exchange.reply else read
            self._said.append(self._format.step_of(read, [call.path for call in guarded.withheld]))
        return refusal

    async def _asked_on(self, read: Any, answers: Sequence[Answered], *, blocked: bool) -> Refusal | None:
        """Makes the request of the next step, and has it looked at and tightened: there are outputs of tools in it."""
        pipeline, exchange = self._pipeline, self._exchange
        refusal = self._tool_loop().next_request(read, answers, blocked=blocked)
        if refusal is not None:
            return refusal
        if pipeline.observe:
            await observed(pipeline.observe, exchange)
        refusal = await judged(pipeline.judge, exchange)
        if refusal is None:
            await shaped_again(pipeline.shape, exchange)
        return refusal

    def _tool_loop(self) -> ToolLoop:
        if self._loop is None:
            pipeline = self._pipeline
            self._loop = ToolLoop(
                self._exchange,
                self._format,
                pipeline.run_tool,
                pipeline.tools,
                pipeline.budgets(),
                pipeline.sizes.tool_output_characters,
                pipeline.clock,
                pipeline.kept,
            )
        return self._loop

    async def _step_tokens(self) -> int:
        """Counts what this step took."""
        await accounted(self._pipeline.account, self._exchange)
        self._step, self._exchange.usage = self._exchange.usage, None
        return tokens_of(self._step)

    def _as_one(self, body: bytes, withheld: Sequence[Path]) -> bytes:
        """Gives the reply as that of all steps, without the calls that are not the client's."""
        if not self._said and not withheld:
            return body
        reply = self._exchange.reply
        changes = self._format.joined(reply.json if reply is not None else None, self._said, withheld)
        self._joined = True
        return self._amended(tuple(changes)) if changes else body

    async def _reviewed(self, body: bytes) -> bytes | Refusal | None:
        for implementation in self._pipeline.review if self._format.name in WITH_TEXTS else ():
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
        body = spliced(decoded(current or b"", None if self._decoded else encoding), changes)
        self._decoded = True
        self._note(body)
        return body
