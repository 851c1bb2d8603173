"""Builds the two journal lines of an exchange: `began` before the upstream is asked, `ended` with what came of it."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from gateway.answered_by import AnsweredBy
from gateway.answers import Amendment, Nudge, Redact, Refusal, Route, Target, Usage
from gateway.changed_parameters import ChangedParameter, changed_parameters
from gateway.client_parameters import Value, client_parameters
from gateway.exchange import DEFAULT_ROUTE, Attempt, Exchange, Step, ToolUse
from gateway.offered_tools import offered_tools
from gateway.recorded import reason, recorded
from gateway.writable import canonical
from identity.keyring import Person
from policies.redaction import redacted_name
from storage.seal import encoded

UNKNOWN = "unknown"
_TRACE_ID = re.compile(rb"[0-9a-f]{32}")


class Began(msgspec.Struct, frozen=True, tag_field="event", tag="began", omit_defaults=True, gc=False):
    """An exchange that was let through to the upstream, or turned away."""

    audit_id: str
    at: datetime
    caller: str | None
    tier: str | None
    endpoint: str
    method: str
    model: str | None


class Counts(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Tokens; of the later ones those that there are."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    cached_audio_tokens: int = 0


class Routed(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the exchange could go, and which of these answered, counted from 0; None where none did."""

    targets: tuple[Target, ...]
    answered: int | None = None
    because: str = ""


class Tools(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which tools the upstream was offered, which ran here, and which calls were blocked."""

    allowed: Sequence[str] = []
    used: Sequence[ToolUse] = []
    blocked: Sequence[ToolUse] = []


class Retrieval(msgspec.Struct, frozen=True, gc=False):
    """What the model was reminded of: how many texts, and their length together before they were cut."""

    hits: int
    characters: int


class Ended(msgspec.Struct, frozen=True, tag_field="event", tag="ended", omit_defaults=True):
    """The record of an exchange; durations in milliseconds, money in US dollars."""

    audit_id: str
    started: datetime
    ended: datetime
    caller: str | None
    tier: str | None
    endpoint: str
    method: str
    status: int | None
    outcome: str
    streamed: bool
    model: str | None
    model_used: str | None
    upstream_request_id: str | None
    usage: Counts | None
    cost: float | None
    cost_basis: str | None
    overhead_ms: float
    first_byte_ms: float | None
    total_ms: float
    safety_mode: str
    policy: str
    prompt_hash: str | None = None
    answer_hash: str | None = None
    trace_id: str | None = None
    websocket: str | None = None
    route: Routed | None = None
    signals: Mapping[str, float] = {}
    changes: Sequence[ChangedParameter] | None = None
    tools: Tools | None = None
    retrieval: Retrieval | None = None
    parameters: Mapping[str, Value] | None = None
    refusal: Refusal | None = None
    error: str | None = None
    degraded: list[str] = []
    attempts: list[Attempt] = []
    trail: list[Step] = []


def began_line(exchange: Exchange, pseudonym: str | None) -> bytes:
    """Gives the line of an exchange whose request is about to go out; `pseudonym` is the caller's."""
    caller = exchange.caller
    return (
        canonical(
            Began(
                exchange.id,
                _moment(exchange.arrived),
                pseudonym,
                caller.tier if caller else None,
                endpoint_name(exchange),
                exchange.received.method.decode("latin-1"),
                exchange.asked.model_label,
            )
        )
        + b"\n"
    )


def ended_line(
    exchange: Exchange,
    person: Person | None,
    by: AnsweredBy,
    status: int | None,
    now: int,
    waited: int,
    *,
    analytics: bool = True,
) -> bytes:
    """Gives the record of an exchange that was answered `by` a model; `now` is in ns of the monotonic clock.

    `waited` is how many ns of it were spent waiting for upstreams.

    `person` is who called, as records know them. Without `analytics` it has of the calls those alone that were blocked.
    """
    caller, attempts, usage, cost = exchange.caller, exchange.attempts, exchange.usage, exchange.cost
    last = attempts[-1] if attempts else None
    total = now - exchange.clock
    changed, hidden = _rewritten(exchange.trail)
    return (
        canonical(
            Ended(
                exchange.id,
                _moment(exchange.arrived),
                _moment(exchange.arrived + total),
                person.pseudonym if person else None,
                caller.tier if caller else None,
                endpoint_name(exchange),
                exchange.received.method.decode("latin-1"),
                status,
                exchange.outcome,
                exchange.asked.streamed,
                exchange.asked.model_label,
                _model(by.model),
                last.request_id if last else None,
                counts_of(usage) if usage else None,
                cost.usd if cost else None,
                cost.basis if cost else UNKNOWN if usage else None,
                (total - waited) / 1e6,
                last.first_byte_ns / 1e6 if last and last.first_byte_ns else None,
                total / 1e6,
                exchange.safety_mode,
                exchange.policy,
                prompt_hash(exchange, person),
                answer_hash(exchange, person, hidden=hidden),
                trace_id(exchange),
                exchange.websocket or None,
                None if exchange.route is DEFAULT_ROUTE else routed(exchange.route, last),
                exchange.signals,
                changed_parameters(exchange) if changed or exchange.request is not exchange.asked else None,
                tools_of(exchange, analytics=analytics) if attempts else None,
                retrieval_of(exchange) if exchange.contexts else None,
                client_parameters(exchange.asked.json),
                recorded(exchange.refusal),
                reason(exchange.error) if exchange.error else None,
                exchange.degraded,
                attempts,
                exchange.trail,
            )
        )
        + b"\n"
    )


def counts_of(usage: Usage) -> Counts:
    """Gives the tokens as they stand in the record."""
    return Counts(
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
        usage.estimated,
        usage.audio_input_tokens,
        usage.audio_output_tokens,
        usage.cached_audio_tokens,
    )


def answer_hash(exchange: Exchange, person: Person | None, *, hidden: bool) -> str | None:
    """Gives the hash of the reply as it went out; None where it did not go out whole, or was not kept as it went out.

    `hidden` says that a plugin hid a text of it: of a stream, the events are kept as they came.
    """
    reply = exchange.reply
    if reply is None or not reply.whole or exchange.refusal is not None or exchange.outcome != "answered":
        return None
    return None if hidden and reply.streamed else _hash(person, reply.body)


def routed(route: Route, last: Attempt | None) -> Routed:
    """Gives the route, and the target that answered."""
    answered = None
    if last is not None and last.status is not None:
        for number, target in enumerate(route.targets):
            if target.upstream == last.upstream and target.model in (None, last.model):
                answered = number
                break
    return Routed(route.targets, answered, reason(route.because))


def tools_of(exchange: Exchange, *, analytics: bool) -> Tools | None:
    """Gives the tools that were offered and called; None where there were none."""
    request, called = exchange.request.json, exchange.tools
    if not called and request.__class__ is dict and "tools" not in request and "functions" not in request:
        return None
    allowed = offered_tools(request)
    if not allowed and not called:
        return None
    return Tools(
        allowed,
        [use for use in called if use.status != "blocked"] if analytics else [],
        [use for use in called if use.status == "blocked"],
    )


def retrieval_of(exchange: Exchange) -> Retrieval:
    """Gives how much the model was reminded of."""
    return Retrieval(len(exchange.contexts), sum(len(context.text) for context in exchange.contexts))


def endpoint_name(exchange: Exchange) -> str:
    """Gives the bounded name of the endpoint, `other` for one that the table does not know."""
    return exchange.endpoint.name if exchange.endpoint else "other"


def upstream_ns(exchange: Exchange) -> int:
    """Gives the time that was spent waiting for upstreams, in ns."""
    spent = 0
    for attempt in exchange.attempts:
        spent += attempt.ended_ns - attempt.began_ns
    return spent


def trace_id(exchange: Exchange) -> str | None:
    """Gives the W3C trace id that the client sent, None where it sent none."""
    parent = exchange.received.header(b"traceparent")
    parts = parent.split(b"-") if parent else ()
    return parts[1].decode() if len(parts) >= 4 and _TRACE_ID.fullmatch(parts[1]) else None


def _rewritten(trail: Sequence[Step]) -> tuple[bool, bool]:
    """Whether somebody changed request or reply, or would have, and whether texts of the reply were hidden."""
    changed = hidden = False
    for step in trail:
        kind = step.answer.__class__
        if kind is Amendment or kind is Nudge:
            changed = True
        elif kind is Redact:
            hidden = True
    return changed, hidden


def _model(name: str | None) -> str | None:
    """What a client sent as a model, upstreams repeat."""
    return redacted_name(name) if name else name


def prompt_hash(exchange: Exchange, person: Person | None) -> str | None:
    """Gives the hash of the request's body as it came."""
    return _hash(person, exchange.asked.body)


def _hash(person: Person | None, body: bytes | None) -> str | None:
    return encoded(person.commitment(body)).decode() if body and person is not None else None


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, UTC)
