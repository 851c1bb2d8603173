"""The way of one exchange through the pipeline: taken in, decided about, sent, relayed, recorded.

It is the only writer of its exchange. Whatever happens, it ends in exactly one record and one ending towards
the client: an answer, an error in the shape of the API, or a connection closed in the middle.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from time import monotonic_ns, time_ns

from gateway.answers import Refusal, Target, Usage
from gateway.audit_id import new_audit_id
from gateway.client import BodyTimeout, BodyTooLarge, Client
from gateway.decide import accounted, counted, decided, identified, shaped
from gateway.errors import refusal_body, refusal_headers
from gateway.exchange import Attempt, Exchange, Outcome, first_header
from gateway.form import FormError
from gateway.guarded_relay import GuardedRelay
from gateway.hooks import Pending
from gateway.intake import endpoint_of, taken_in, too_large
from gateway.own_headers import own_headers
from gateway.pipeline import Pipeline
from gateway.relay import Relay
from gateway.tools.loop import HOSTED_ELSEWHERE, can_loop
from gateway.tools.put_back import may_continue, put_back
from gateway.transport import ConnectError, IncomingReply, TransportError
from gateway.trouble import KEY_REFUSED, refusal_of

_LOG = logging.getLogger(__name__)
_SLOW_CLIENT = Refusal("The request body did not arrive in time.", code="body_timeout", status=408)
_NO_MEMORY = Refusal(
    "The gateway has no memory left for this request. Try again.", code="overloaded", status=503, retry_after=1
)
_OWN_FAULT = Refusal(
    "The gateway made an error of its own; it is in the gateway's log under this request's audit id.",
    code="gateway_error",
    status=500,
)


class Passage:
    """One exchange on its way; `prefix_length` is the length of /v1 in its path, 0 for a bare path."""

    __slots__ = (
        "_again",
        "_began",
        "_client",
        "_exchange",
        "_first_byte",
        "_pipeline",
        "_prefix_length",
        "_recorded",
        "_relay",
        "_reply",
        "_sending",
        "_stream",
    )

    def __init__(self, pipeline: Pipeline, client: Client, prefix_length: int) -> None:
        self._pipeline = pipeline
        self._client = client
        self._prefix_length = prefix_length
        self._exchange = Exchange(new_audit_id(), time_ns(), monotonic_ns(), client.received, None)
        self._stream: AsyncGenerator[bytes, None] | None = None
        self._relay: Relay | None = None
        self._sending: tuple[str, str | None, int] | None = None
        self._reply: IncomingReply | None = None
        self._first_byte = 0
        self._again = 0
        self._began = False
        self._recorded = False

    async def run(self, refused: Refusal | None = None) -> None:
        """Carries the exchange to its end, which for one that is `refused` from the start is its record and answer.

        Nothing but the cancellation of a stopping gateway comes out.
        """
        exchange = self._exchange
        try:
            refusal = refused or await self._decided() or await self._carried()
            if refusal is not None:
                await self._refuse(refusal)
        except asyncio.CancelledError:
            self._broken_off("client_gone" if self._client.gone else "stopped")
            if not self._client.gone:
                raise
        except BodyTimeout:
            self._fail(_SLOW_CLIENT, "client_gone")
        except MemoryError:
            _LOG.error("exchange %s: no memory was left for it", exchange.id)
            exchange.error = "MemoryError: no memory was left"
            self._fail(_NO_MEMORY, "failed")
        except Exception as error:  # noqa: BLE001 - the last border: the client gets an answer and the record a reason
            _LOG.exception("exchange %s failed", exchange.id)
            exchange.error = f"{type(error).__name__}: {error}"[:500]
            self._fail(_OWN_FAULT, "failed")
        finally:
            if self._relay is not None:
                self._relay.part()
                self._relay = None  # it knows this passage; without the knot both go at once, not at some collection
            if self._stream is not None:
                await self._stream.aclose()

    async def _decided(self) -> Refusal | None:
        """Takes the request in and asks who, whether, what and where."""
        pipeline, exchange = self._pipeline, self._exchange
        endpoint = endpoint_of(
            pipeline.endpoints, exchange.received.method, exchange.received.target, self._prefix_length
        )
        if isinstance(endpoint, Refusal):
            return endpoint
        exchange.endpoint = endpoint
        refusal = await identified(pipeline.identify, exchange)
        if refusal is not None:
            return refusal
        intake = await taken_in(self._client, endpoint, pipeline.sizes.json_body, pipeline.sizes.body)
        if isinstance(intake, Refusal):
            return intake
        exchange.asked = exchange.request = intake.request
        exchange.policy = pipeline.recorder.policies.revision
        self._stream = intake.stream
        if pipeline.kept is not None and may_continue(exchange.request):
            await put_back(pipeline.kept, exchange)
        return await decided(pipeline, exchange)

    async def _carried(self) -> Refusal | None:
        """Sends the request to the targets of its route in turn, and relays the reply that counts."""
        exchange = self._exchange
        unshaped = exchange.request
        route = exchange.route
        last = len(route.targets) - 1
        for number, target in enumerate(route.targets):
            exchange.request = unshaped
            await shaped(self._pipeline.shape, exchange, target)
            if exchange.hosted and not can_loop(exchange):
                return HOSTED_ELSEWHERE
            try:
                reply = await self._sent(target)
            except ConnectError as error:
                if number < last:
                    continue
                return self._trouble(error)
            except TransportError as error:
                return self._trouble(error)
            except FormError as error:
                return Refusal(str(error), code="invalid_form", status=400)
            except BodyTooLarge:
                return too_large(self._pipeline.sizes.body)
            if isinstance(reply, Refusal):
                return reply
            if self._is_unpaid(reply):
                return self._not_paid(reply)
            if number < last and reply.status in route.fall_back_on and self._stream is None:
                self._attempt_ended()
                reply.close()
                continue
            return await self._relayed(target, reply)
        return None

    def _not_paid(self, reply: IncomingReply) -> Refusal:
        """Keeps the upstream's word on the operator's key from callers, who have no part in it."""
        _LOG.error("exchange %s: the upstream refused the gateway's own key (401)", self._exchange.id)
        self._exchange.error = "the upstream refused the gateway's own key"
        self._attempt_ended()
        reply.close()
        return KEY_REFUSED

    async def _sent(self, target: Target) -> IncomingReply | Refusal:
        """Sends the request to one target; the journal has its first line before a byte goes out."""
        pipeline, exchange = self._pipeline, self._exchange
        upstream = pipeline.upstreams.get(target.upstream)
        if upstream is None:
            return Refusal(f"The route names an unknown upstream {target.upstream!r}.", code="no_upstream", status=503)
        if exchange.caller is None:
            return _OWN_FAULT
        refusal = upstream.refusal(exchange.caller)
        if refusal is not None:
            return refusal
        if not self._began:
            refusal = pipeline.recorder.began(exchange)
            if refusal is not None:
                return refusal
            self._began = True
        outgoing = upstream.outgoing(exchange, self._prefix_length, self._stream, self._client.length, self._again)
        self._sending = (upstream.name, exchange.request.model_label, monotonic_ns())
        try:
            self._reply = await upstream.transport.send(outgoing)
        except BaseException as error:
            self._attempt_ended(error)
            raise
        self._first_byte = monotonic_ns()
        return self._reply

    def _attempt_ended(self, error: BaseException | None = None) -> None:
        """Notes the attempt that is under way as ended now; nothing where none is."""
        if self._sending is None:
            return
        (name, model, began), reply = self._sending, self._reply
        self._sending = self._reply = None
        request_id = first_header(reply.headers, b"x-request-id") if reply else None
        clock = self._exchange.clock
        self._exchange.attempts.append(
            Attempt(
                name,
                model,
                began - clock,
                self._first_byte - clock if reply else None,
                monotonic_ns() - clock,
                reply.status if reply else None,
                request_id.decode("latin-1") if request_id else None,
                type(error).__name__ if error else None,
            )
        )

    async def _relayed(self, target: Target, reply: IncomingReply) -> Refusal | None:
        """Gives the reply to the client by the way that its kind needs."""
        parts = (self._pipeline, self._exchange, self._client, reply, self._ended)
        if self._pipeline.guarded:
            relay: Relay = GuardedRelay(*parts, again=lambda: self._sent_again(target))
        else:
            relay = Relay(*parts)
        self._relay = relay
        try:
            return await relay.run()
        finally:
            relay.close()

    async def _sent_again(self, target: Target) -> IncomingReply | Refusal:
        self._attempt_ended()
        self._exchange.reply = None
        self._again += 1
        reply = await self._sent(target)
        return self._not_paid(reply) if not isinstance(reply, Refusal) and self._is_unpaid(reply) else reply

    def _is_unpaid(self, reply: IncomingReply) -> bool:
        caller = self._exchange.caller
        return reply.status == 401 and caller is not None and caller.upstream_key == "operator"

    async def _ended(self, outcome: Outcome) -> Refusal | None:
        """Counts the tokens and writes the record, before the last bytes go out."""
        self._attempt_ended()
        await self._accounted()
        recorder = self._pipeline.recorder
        if recorder.makes_ready:
            await self._made_ready(outcome)
        refusal = self._record(outcome, self._exchange.reply.status if self._exchange.reply else None)
        return await recorder.durable() if refusal is None and recorder.waits else refusal

    async def _accounted(self) -> None:
        await accounted(self._pipeline.account, self._exchange)
        if self._relay is not None:
            self._exchange.usage = self._relay.total(self._exchange.usage)

    async def _made_ready(self, outcome: Outcome) -> None:
        """Makes ready what of the record takes long; where nothing may wait, the record does with less."""
        recorder = self._pipeline.recorder
        if not self._recorded and recorder.takes_long(self._exchange):
            self._exchange.outcome = outcome
            await recorder.make_ready(self._exchange)

    def _record(self, outcome: Outcome, status: int | None) -> Refusal | None:
        if self._recorded:
            return None
        self._recorded = True
        self._attempt_ended()
        self._exchange.outcome = outcome
        return self._pipeline.recorder.ended(self._exchange, status, began=self._began)

    def _trouble(self, error: TransportError) -> Refusal:
        self._exchange.error = f"{type(error).__name__}: {error}"[:500]
        return refusal_of(error)

    async def _refuse(self, refusal: Refusal) -> None:
        """Answers with a refusal; one about the upstream's own trouble is recorded as that."""
        exchange = self._exchange
        exchange.refusal = refusal
        spent = self._relay is not None and self._relay.total(None) is not None
        if not self._recorded and (exchange.reply is not None or spent):
            await self._accounted()
        outcome: Outcome = "upstream_error" if exchange.error is not None else "refused"
        await self._made_ready(outcome)
        self._record(outcome, refusal.status)
        if self._pipeline.recorder.waits:
            # What cannot be synced changes nothing here: nothing but the refusal goes out in any case.
            await self._pipeline.recorder.durable()
        self._respond(refusal)

    def _fail(self, refusal: Refusal, outcome: Outcome) -> None:
        if self._relay is not None and self._relay.started:
            self._broken_off(outcome)
            return
        self._exchange.refusal = refusal
        self._record(outcome, refusal.status)
        self._respond(refusal)

    def _broken_off(self, outcome: Outcome) -> None:
        """Records an exchange that was left in the middle; nothing here waits."""
        relay = self._relay
        if relay is not None:
            relay.left()
        for implementation in self._pipeline.account:
            answer = implementation.ask(self._exchange)
            if isinstance(answer, Pending):
                answer.drop()
            elif isinstance(answer, Usage) and counted(implementation, self._exchange, answer):
                break
        if relay is not None:
            self._exchange.usage = relay.total(self._exchange.usage)
        self._record(outcome, self._exchange.reply.status if self._exchange.reply else None)
        self._client.abort()

    def _respond(self, refusal: Refusal) -> None:
        headers = (*refusal_headers(refusal), *own_headers(self._exchange))
        self._client.respond(refusal.status, headers, refusal_body(refusal))
