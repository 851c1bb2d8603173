"""Builds the two journal lines of an exchange: `began` before the upstream is asked, `ended` with what came of it."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.answers import Refusal, Usage
from gateway.exchange import Attempt, Exchange, Step

_ENCODER = msgspec.json.Encoder()


class Began(msgspec.Struct, frozen=True, tag_field="event", tag="began", omit_defaults=True, gc=False):
    """An exchange that was let through to the upstream, or turned away."""

    audit_id: str
    at: datetime
    caller: str | None
    tier: str | None
    endpoint: str
    method: str
    model: str | None


class AttemptLine(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One request to an upstream; times in milliseconds since the exchange arrived."""

    upstream: str
    model: str | None
    began_ms: float
    first_byte_ms: float | None
    ended_ms: float
    status: int | None = None
    request_id: str | None = None
    error: str | None = None


class StepLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run of a hook; times in microseconds, `began_us` since the exchange arrived."""

    hook: str
    plugin: str
    version: str
    began_us: float
    took_us: float
    answer: Any = None
    fault: str | None = None


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
    attempts: tuple[AttemptLine, ...] = ()
    trail: tuple[StepLine, ...] = ()


def began_line(exchange: Exchange) -> bytes:
    """Gives the line of an exchange whose request is about to go out."""
    caller = exchange.caller
    return (
        _ENCODER.encode(
            Began(
                exchange.id,
                _moment(exchange.arrived),
                caller.principal if caller else None,
                caller.tier if caller else None,
                endpoint_name(exchange),
                exchange.received.method.decode("latin-1"),
                exchange.request.model,
            )
        )
        + b"\n"
    )


def ended_line(exchange: Exchange, status: int | None, now: int) -> bytes:
    """Gives the record of an exchange; `now` is in ns of the monotonic clock."""
    caller = exchange.caller
    attempts = exchange.attempts
    last = attempts[-1] if attempts else None
    total = now - exchange.clock
    return (
        _ENCODER.encode(
            Ended(
                exchange.id,
                _moment(exchange.arrived),
                _moment(exchange.arrived + total),
                caller.principal if caller else None,
                caller.tier if caller else None,
                endpoint_name(exchange),
                exchange.received.method.decode("latin-1"),
                status,
                exchange.outcome,
                exchange.request.streamed,
                exchange.request.model,
                model_used(exchange),
                last.request_id if last else None,
                exchange.usage,
                (total - upstream_ns(exchange)) / 1e6,
                (last.first_byte - exchange.clock) / 1e6 if last and last.first_byte else None,
                total / 1e6,
                trace_id(exchange),
                exchange.refusal,
                exchange.error,
                tuple([_attempt_line(each, exchange.clock) for each in attempts]),
                tuple([_step_line(step) for step in exchange.trail]),
            )
        )
        + b"\n"
    )


def endpoint_name(exchange: Exchange) -> str:
    """Gives the bounded name of the endpoint, `other` for one that the table does not know."""
    return exchange.endpoint.name if exchange.endpoint else "other"


def upstream_ns(exchange: Exchange) -> int:
    """Gives the time that was spent waiting for upstreams, in ns."""
    return sum(attempt.ended - attempt.began for attempt in exchange.attempts)


def trace_id(exchange: Exchange) -> str | None:
    """Gives the W3C trace id that the client sent, None where it sent none."""
    parent = exchange.received.header(b"traceparent")
    parts = parent.split(b"-") if parent else ()
    return parts[1].decode("latin-1") if len(parts) >= 4 and len(parts[1]) == 32 else None


def model_used(exchange: Exchange) -> str | None:
    """Gives the model that the reply names, None where it names none."""
    reply = exchange.reply.json if exchange.reply else None
    model = reply.get("model") if isinstance(reply, dict) else None
    return model if isinstance(model, str) else None


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, UTC)


def _attempt_line(attempt: Attempt, clock: int) -> AttemptLine:
    return AttemptLine(
        attempt.upstream,
        attempt.model,
        (attempt.began - clock) / 1e6,
        (attempt.first_byte - clock) / 1e6 if attempt.first_byte else None,
        (attempt.ended - clock) / 1e6,
        attempt.status,
        attempt.request_id,
        attempt.error,
    )


def _step_line(step: Step) -> StepLine:
    return StepLine(step.hook, step.plugin, step.version, step.began / 1e3, step.took / 1e3, step.answer, step.fault)
