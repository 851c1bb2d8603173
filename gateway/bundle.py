"""Builds the two journal lines of an exchange: `began` before the upstream is asked, `ended` with what came of it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.answers import Refusal, Usage
from gateway.exchange import MODEL_LABEL_LENGTH, Attempt, Exchange, Step
from gateway.reading import last_events
from gateway.writable import written


class Began(msgspec.Struct, frozen=True, tag_field="event", tag="began", omit_defaults=True, gc=False):
    """An exchange that was let through to the upstream, or turned away."""

    audit_id: str
    at: datetime
    caller: str | None
    tier: str | None
    endpoint: str
    method: str
    model: str | None


class Ended(msgspec.Struct, frozen=True, tag_field="event", tag="ended", omit_defaults=True):
    """The record of an exchange; durations in milliseconds."""

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
    usage: Usage | None
    overhead_ms: float
    first_byte_ms: float | None
    total_ms: float
    trace_id: str | None = None
    refusal: Refusal | None = None
    error: str | None = None
    attempts: list[Attempt] = []
    trail: list[Step] = []


def began_line(exchange: Exchange, pseudonym: str | None) -> bytes:
    """Gives the line of an exchange whose request is about to go out; `pseudonym` is the caller's."""
    caller = exchange.caller
    return (
        written(
            Began(
                exchange.id,
                _moment(exchange.arrived),
                pseudonym,
                caller.tier if caller else None,
                endpoint_name(exchange),
                exchange.received.method.decode("latin-1"),
                exchange.request.model_label,
            )
        )
        + b"\n"
    )


def ended_line(exchange: Exchange, pseudonym: str | None, status: int | None, now: int) -> bytes:
    """Gives the record of an exchange; `now` is in ns of the monotonic clock."""
    caller = exchange.caller
    attempts = exchange.attempts
    last = attempts[-1] if attempts else None
    total = now - exchange.clock
    return (
        written(
            Ended(
                exchange.id,
                _moment(exchange.arrived),
                _moment(exchange.arrived + total),
                pseudonym,
                caller.tier if caller else None,
                endpoint_name(exchange),
                exchange.received.method.decode("latin-1"),
                status,
                exchange.outcome,
                exchange.request.streamed,
                exchange.request.model_label,
                model_used(exchange),
                last.request_id if last else None,
                exchange.usage,
                (total - upstream_ns(exchange)) / 1e6,
                last.first_byte_ns / 1e6 if last and last.first_byte_ns else None,
                total / 1e6,
                trace_id(exchange),
                exchange.refusal,
                exchange.error,
                attempts,
                exchange.trail,
            )
        )
        + b"\n"
    )


def endpoint_name(exchange: Exchange) -> str:
    """Gives the bounded name of the endpoint, `other` for one that the table does not know."""
    return exchange.endpoint.name if exchange.endpoint else "other"


def upstream_ns(exchange: Exchange) -> int:
    """Gives the time that was spent waiting for upstreams, in ns."""
    return sum(attempt.ended_ns - attempt.began_ns for attempt in exchange.attempts)


def trace_id(exchange: Exchange) -> str | None:
    """Gives the W3C trace id that the client sent, None where it sent none."""
    parent = exchange.received.header(b"traceparent")
    parts = parent.split(b"-") if parent else ()
    return parts[1].decode("latin-1") if len(parts) >= 4 and len(parts[1]) == 32 else None


def model_used(exchange: Exchange) -> str | None:
    """Gives the model that the reply names, None where it names none."""
    reply = exchange.reply
    if reply is None:
        return None
    said: Iterable[Any] = [reply.json]
    if reply.streamed and not reply.packed:
        # Each event of a stream names it; reading the last ones is enough.
        said = (event.get("response", event) for event in last_events(reply.body or b"") if isinstance(event, dict))
    models = (each.get("model") for each in said if isinstance(each, dict))
    return next((model[:MODEL_LABEL_LENGTH] for model in models if isinstance(model, str)), None)


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, UTC)
