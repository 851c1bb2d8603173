"""The way of one websocket through the pipeline: decided about at its handshake, opened, relayed, recorded once.

What its messages ask for and answer is for its conversation, each request in it being an exchange of its own.
"""

import asyncio
import logging
from collections.abc import Mapping
from time import monotonic_ns, time_ns
from typing import Any

from gateway.answers import Refusal, Target
from gateway.audit_id import new_audit_id
from gateway.decide import admitted, identified, routed
from gateway.errors import refusal_body, refusal_headers
from gateway.exchange import Attempt, Exchange, Headers, Outcome, Reply, Request, first_header
from gateway.headers import returned
from gateway.intake import endpoint_of
from gateway.own_headers import own_headers
from gateway.pipeline import Pipeline
from gateway.transport import ConnectError, TransportError
from gateway.trouble import refusal_of
from gateway.websocket.conversation import Conversation, UnreadConversation
from gateway.websocket.credential import offered_protocols, with_credential
from gateway.websocket.dial import Denied, UpstreamLink, WebsocketDialer
from gateway.websocket.ending import FAILED, STOPPED, Ending
from gateway.websocket.errand import Handshake
from gateway.websocket.link import LINGER_SECONDS, Link
from gateway.websocket.offer import Offer
from gateway.websocket.query import models_in, with_model
from gateway.websocket.realtime import RealtimeConversation
from gateway.websocket.relay import relayed
from gateway.websocket.responses import ResponsesConversation

_LOG = logging.getLogger(__name__)
SWITCHING_PROTOCOLS = 101
# A client may have much to read before it comes to the close frame.
SECONDS_TO_PART = 10.0
# Elsewhere the messages name models, whatever the query says.
_MODEL_IN_QUERY = ("realtime", "realtime.translations")
_OWN_FAULT = Refusal(
    "The gateway made an error of its own; it is in the gateway's log under this request's audit id.",
    code="gateway_error",
    status=500,
)
_STOPPING = Refusal("The gateway is being restarted. Try again.", code="stopping", status=503, retry_after=1)
_TWO_MODELS = Refusal("The query names more than one model.", code="ambiguous_model", status=400, param="model")


class WebsocketPassage:
    """One websocket on its way; `patience` is how long a side may read nothing at all, in seconds."""

    def __init__(
        self,
        pipeline: Pipeline,
        dialers: Mapping[str, WebsocketDialer],
        offer: Offer,
        prefix_length: int,
        patience: float,
    ) -> None:
        received = with_credential(offer.received)
        self._pipeline = pipeline
        self._dialers = dialers
        self._offer = offer
        self._prefix_length = prefix_length
        self._patience = patience
        self._exchange = Exchange(new_audit_id(), time_ns(), monotonic_ns(), received, None)
        self._client: Link | None = None
        self._upstream: UpstreamLink | None = None
        self._conversation: Conversation = UnreadConversation()
        self._sending: tuple[str, str | None, int] | None = None
        self._answered = 0
        self._began = False
        self._recorded = False

    async def run(self, refused: Refusal | None = None) -> None:
        """Carries the websocket to its end, which for one that is `refused` from the start is its record and answer.

        Nothing but the cancellation of a stopping gateway comes out.
        """
        exchange, offer = self._exchange, self._offer
        try:
            refusal = refused or await self._decided() or await self._carried()
            if refusal is not None:
                self._refuse(refusal, "upstream_error" if exchange.error is not None else "refused")
        except asyncio.CancelledError:
            if self._client is not None:
                await self._ended(STOPPED, LINGER_SECONDS)
                raise
            if not offer.gone:
                self._refuse(_STOPPING, "stopped")
                raise
            self._record("client_gone", None)
        except Exception as error:  # noqa: BLE001 - the last border: the client gets an answer and the record a reason
            _LOG.exception("exchange %s failed", exchange.id)
            exchange.error = f"{type(error).__name__}: {error}"[:500]
            if self._client is not None:
                await self._ended(FAILED, LINGER_SECONDS)
            else:
                self._refuse(_OWN_FAULT, "failed")
        finally:
            for link in (self._client, self._upstream):
                if link is not None:
                    link.transport.abort()

    async def _decided(self) -> Refusal | None:
        """Asks who, whether and where."""
        pipeline, exchange = self._pipeline, self._exchange
        target = exchange.received.target
        endpoint = endpoint_of(pipeline.endpoints, exchange.received.method, target, self._prefix_length, "websocket")
        if isinstance(endpoint, Refusal):
            return endpoint
        exchange.endpoint = endpoint
        refusal = await identified(pipeline.identify, exchange)
        if refusal is not None:
            return refusal
        models = models_in(target) if endpoint is not None and endpoint.name in _MODEL_IN_QUERY else []
        if len(models) > 1:
            return _TWO_MODELS
        exchange.asked = exchange.request = Request(endpoint, None, None, {"model": models[0]} if models else {})
        refusal = await admitted(pipeline.admit, exchange)
        if refusal is not None:
            return refusal
        await routed(pipeline.route, exchange)
        return None

    async def _carried(self) -> Refusal | None:
        """Asks the targets of the route in turn, and relays once one has agreed."""
        route = self._exchange.route
        last = len(route.targets) - 1
        for number, target in enumerate(route.targets):
            try:
                refusal = await self._opened(target)
            except ConnectError as error:
                if number < last:
                    continue
                return self._trouble(error)
            except TransportError as error:
                return self._trouble(error)
            except Denied as denied:
                if number < last and denied.status in route.fall_back_on:
                    continue
                return self._denied(denied)
            return refusal or await self._relayed(target)
        return None

    async def _opened(self, target: Target) -> Refusal | None:
        """Opens the websocket at one target; the journal has its first line before a byte goes out."""
        pipeline, exchange = self._pipeline, self._exchange
        upstream, dialer = pipeline.upstreams.get(target.upstream), self._dialers.get(target.upstream)
        if upstream is None or dialer is None:
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
        received = exchange.received
        raw, model = upstream.target(received.target, self._prefix_length), exchange.request.model
        if target.model is not None and model is not None:
            raw, model = with_model(raw, target.model), target.model
        self._sending = (upstream.name, model, self._now())
        try:
            self._upstream = await dialer.open(
                raw, upstream.headers(exchange, readable=False), offered_protocols(received.headers)
            )
        except Denied as denied:
            self._answered = self._now()
            self._attempt_ended(denied.status, denied.headers)
            raise
        except BaseException as error:
            self._attempt_ended(error=error)
            raise
        self._answered = self._now()
        return None

    def _attempt_ended(
        self, status: int | None = None, headers: Headers = (), error: BaseException | None = None
    ) -> None:
        """Notes the attempt that is under way as ended now; nothing where none is."""
        if self._sending is None:
            return
        (name, model, began), self._sending = self._sending, None
        request_id = first_header(headers, b"x-request-id")
        self._exchange.attempts.append(
            Attempt(
                name,
                model,
                began,
                self._answered if status is not None else None,
                self._now(),
                status,
                request_id.decode("latin-1") if request_id else None,
                type(error).__name__ if error else None,
            )
        )

    async def _relayed(self, target: Target) -> Refusal | None:
        upstream = self._upstream
        if upstream is None:
            return _OWN_FAULT
        headers = upstream.reply_headers
        self._exchange.reply = Reply(SWITCHING_PROTOCOLS, headers, None, _unread, streamed=True, whole=False)
        self._client = self._offer.accept(returned(headers, *own_headers(self._exchange)), upstream.subprotocol)
        self._conversation = self._conversation_at(target, headers)
        ending = await relayed(self._client, upstream, self._patience, self._conversation)
        await self._ended(ending, SECONDS_TO_PART)
        return None

    def _conversation_at(self, target: Target, headers: Headers) -> Conversation:
        """Gives who reads what is said at this endpoint."""
        exchange = self._exchange
        name = exchange.endpoint.name if exchange.endpoint is not None else ""
        if name == "responses":
            return ResponsesConversation(Handshake(self._pipeline, exchange, target, headers))
        if name == "realtime":
            # The model of a session was routed with it, and stands in no event of it.
            model, here = target.model or exchange.request.model, Target(target.upstream)
            return RealtimeConversation(Handshake(self._pipeline, exchange, here, headers, model))
        return UnreadConversation()

    async def _ended(self, ending: Ending, seconds: float) -> None:
        """Writes the record, then says goodbye to both sides."""
        client, upstream = self._client, self._upstream
        self._conversation.ended(ending.left)
        if self._exchange.error is None:
            self._exchange.error = ending.error
        self._record(ending.outcome, SWITCHING_PROTOCOLS)
        if client is not None and upstream is not None:
            await asyncio.gather(
                client.part(ending.to_client.code, ending.to_client.reason, seconds),
                upstream.part(ending.to_upstream.code, ending.to_upstream.reason, LINGER_SECONDS),
            )

    def _denied(self, denied: Denied) -> Refusal | None:
        """Gives the upstream's own answer to the client."""
        self._exchange.reply = Reply(denied.status, denied.headers, denied.body, _unread)
        refusal = self._record("answered", denied.status)
        if refusal is None:
            headers = returned(denied.headers, *own_headers(self._exchange))
            self._offer.refuse(denied.status, headers, denied.body, denied.reason)
        return refusal

    def _record(self, outcome: Outcome, status: int | None) -> Refusal | None:
        if self._recorded:
            return None
        self._recorded = True
        self._attempt_ended(SWITCHING_PROTOCOLS, self._upstream.reply_headers if self._upstream else ())
        self._exchange.outcome = outcome
        return self._pipeline.recorder.ended(self._exchange, status, began=self._began)

    def _trouble(self, error: TransportError) -> Refusal:
        self._exchange.error = f"{type(error).__name__}: {error}"[:500]
        return refusal_of(error)

    def _refuse(self, refusal: Refusal, outcome: Outcome) -> None:
        self._exchange.refusal = refusal
        self._record(outcome, refusal.status)
        headers = (*refusal_headers(refusal), *own_headers(self._exchange))
        self._offer.refuse(refusal.status, headers, refusal_body(refusal))

    def _now(self) -> int:
        """The time since the exchange arrived, in ns."""
        return monotonic_ns() - self._exchange.clock


def _unread(_: bytes) -> Any:
    """Stands where a reply is read as JSON; what a websocket says is not."""
    return None
