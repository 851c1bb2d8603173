"""One errand on a websocket: what is asked by one event is a request of its own, decided about and recorded once.

It has the caller, the headers and the route of the handshake, and an audit id of its own. It counts as sent by POST:
what it asks for is what its body says.
"""

from collections.abc import Mapping
from time import monotonic_ns, time_ns
from typing import Any

import msgspec

from gateway.answers import Refusal, Target, Usage
from gateway.audit_id import new_audit_id
from gateway.decide import accounted, admitted, counted, judged, observed, reminded, shaped
from gateway.exchange import Attempt, Exchange, Headers, Outcome, Reply, Request, first_header
from gateway.formats.strangers import decoded, member
from gateway.guard import StreamGuard
from gateway.hooks import Pending
from gateway.pipeline import Pipeline

_OK = 200
_HOSTED = Refusal(
    "Tools of this gateway cannot be offered over a websocket.", code="hosted_tools_unavailable", status=400
)


class Handshake(msgspec.Struct, frozen=True):
    """What was decided when the websocket was opened, and holds for each errand on it.

    `exchange` is that of the websocket itself, `target` where it leads, with the model that each errand is to have if
    there is one; `headers` are those of the upstream's answer. `model` is that of errands that name none.
    """

    pipeline: Pipeline
    exchange: Exchange
    target: Target
    headers: Headers
    model: str | None = None


class Errand:
    """One request on its way; `event_id` and `stream_id` are those that the client gave it.

    `guard` reads the reply where it comes as a stream of its own; `stopped` says that nothing more of it goes out.
    """

    __slots__ = (
        "_answered",
        "_began",
        "_handshake",
        "_pipeline",
        "_recorded",
        "_sent",
        "event_id",
        "exchange",
        "guard",
        "stopped",
        "stream_id",
    )

    def __init__(
        self, handshake: Handshake, body: bytes | None, json: Any, *, event_id: str | None = None, stream_id: str = ""
    ) -> None:
        opened = handshake.exchange
        received = msgspec.structs.replace(opened.received, method=b"POST")
        exchange = Exchange(new_audit_id(), time_ns(), monotonic_ns(), received, opened.endpoint)
        fields: Mapping[str, str] = {} if handshake.model is None else {"model": handshake.model}
        exchange.asked = exchange.request = Request(opened.endpoint, body, json, fields)
        exchange.caller, exchange.route, exchange.websocket = opened.caller, opened.route, opened.id
        exchange.policy = handshake.pipeline.recorder.policies.revision
        self.exchange = exchange
        self.event_id = event_id
        self.stream_id = stream_id
        self.guard: StreamGuard | None = None
        self.stopped = False
        self._handshake = handshake
        self._pipeline = handshake.pipeline
        self._sent = self._answered = 0
        self._began = self._recorded = False

    @property
    def was_asked(self) -> bool:
        """Whether the client asked for it; some replies the upstream begins by itself."""
        return self.exchange.asked.body is not None

    @property
    def size(self) -> int:
        """The bytes of what is asked."""
        return len(self.exchange.asked.body or b"")

    async def decided(self) -> Refusal | None:
        """Asks whether the errand may go out, and shapes it; who asks and where it goes was said at the handshake."""
        by, exchange = self._pipeline, self.exchange
        refusal = await admitted(by.admit, exchange) or await self.judged()
        if refusal is not None:
            return refusal
        if by.recall:
            await reminded(by.recall, exchange, by.context_characters)
        await shaped(by.shape, exchange, self._handshake.target)
        return _HOSTED if exchange.hosted else None

    async def judged(self) -> Refusal | None:
        """Asks what the errand is like, and whether it is turned away for what it holds."""
        by, exchange = self._pipeline, self.exchange
        if by.observe:
            await observed(by.observe, exchange)
            if by.bus.heard:
                by.bus.publish_observed(exchange)
        return await judged(by.judge, exchange) if by.judge else None

    def begin(self) -> Refusal | None:
        """Writes the first line of the record; without it nothing may go out."""
        refusal = self._pipeline.recorder.began(self.exchange)
        if refusal is None:
            self._began, self._sent = True, monotonic_ns()
        return refusal

    def answered(self) -> None:
        """Says that the reply begins."""
        self._answered = self._answered or monotonic_ns()

    def note(self, said: bytes | None, status: int = _OK) -> None:
        """Writes the reply into the exchange, as the event `said` tells it at its end."""
        self.exchange.reply = Reply(status, self._handshake.headers, said, _told, whole=said is not None)

    async def end(self, status: int | None = _OK) -> Refusal | None:
        """Counts the tokens and writes the record, before the end of the reply goes out."""
        exchange, recorder = self.exchange, self._pipeline.recorder
        await accounted(self._pipeline.account, exchange)
        if recorder.takes_long(exchange):
            exchange.outcome = "answered"
            await recorder.make_ready(exchange)
        refusal = self._record("answered", status)
        return await recorder.durable() if refusal is None and recorder.waits else refusal

    def refuse(self, refusal: Refusal) -> None:
        """Records an errand that is refused, or whose reply is."""
        self.stopped = True
        self.exchange.refusal = refusal
        self._counted()
        self._record("refused", refusal.status)

    def break_off(self, outcome: Outcome) -> None:
        """Records an errand that was left in the middle, if it has no record yet; nothing here waits."""
        self._counted()
        self._record(outcome, None)

    def _counted(self) -> None:
        """Counts what the model read of an errand whose end, with its own count, nobody has seen."""
        if self._recorded or not self._answered:
            return
        if self.exchange.reply is None:
            self.note(b"{}")
        for implementation in self._pipeline.account:
            answer = implementation.ask(self.exchange)
            if isinstance(answer, Pending):
                answer.drop()
            elif isinstance(answer, Usage) and counted(implementation, self.exchange, answer):
                break

    def _record(self, outcome: Outcome, status: int | None) -> Refusal | None:
        if self._recorded:
            return None
        self._recorded = True
        exchange = self.exchange
        if self._sent:
            exchange.attempts.append(self._attempt(None if exchange.reply is None else exchange.reply.status))
        exchange.outcome = outcome
        return self._pipeline.recorder.ended(exchange, status, began=self._began)

    def _attempt(self, status: int | None) -> Attempt:
        clock = self.exchange.clock
        request_id = first_header(self._handshake.headers, b"x-request-id")
        return Attempt(
            self._handshake.target.upstream,
            self.exchange.request.model_label,
            self._sent - clock,
            self._answered - clock if self._answered else None,
            monotonic_ns() - clock,
            status,
            request_id.decode("latin-1") if request_id else None,
        )


def _told(event: bytes) -> Any:
    """Gives the response that an event tells of, as it is after a request over HTTP."""
    said = decoded(event)
    response = member(said, "response")
    return response if response.__class__ is dict else None if said is msgspec.UNSET else said
