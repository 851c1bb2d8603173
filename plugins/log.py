"""Writes one line of JSON for each exchange; no text of a prompt or reply stands in it, and no secret."""

import sys
from datetime import UTC, datetime
from time import monotonic_ns
from typing import Literal

import msgspec

from gateway import Exchange, hookimpl
from policies.redaction import redacted

_ENCODER = msgspec.json.Encoder()


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a line says; `ms` is the whole time of the exchange."""

    at: datetime
    audit_id: str
    outcome: str
    status: int | None
    method: str
    endpoint: str
    caller: str | None
    tier: str | None
    model: str | None
    ms: float
    input_tokens: int | None = None
    output_tokens: int | None = None
    request_id: str | None = None
    trace: str | None = None
    refusal: str | None = None
    error: str | None = None


class Log:
    """Writes to standard output or standard error."""

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`to` says where the lines go."""

        to: Literal["stdout", "stderr", "nowhere"] = "stdout"

    def __init__(self, settings: Settings) -> None:
        self._out = {"stdout": sys.stdout, "stderr": sys.stderr, "nowhere": None}[settings.to]

    @hookimpl
    def record(self, exchange: Exchange) -> None:
        """Writes the line of an exchange that has ended."""
        if self._out is None:
            return
        self._out.write(_ENCODER.encode(line_of(exchange, monotonic_ns())).decode() + "\n")
        self._out.flush()


def line_of(exchange: Exchange, now: int) -> Line:
    """Gives the line of an exchange; `now` is in ns of the monotonic clock."""
    caller, reply, usage, refusal = exchange.caller, exchange.reply, exchange.usage, exchange.refusal
    parent = exchange.received.header(b"traceparent")
    return Line(
        datetime.fromtimestamp(exchange.arrived / 1e9, UTC),
        exchange.id,
        exchange.outcome,
        refusal.status if refusal else reply.status if reply else None,
        exchange.received.method.decode("latin-1"),
        exchange.endpoint.name if exchange.endpoint else "other",
        caller.principal if caller else None,
        caller.tier if caller else None,
        redacted(exchange.request.model_label) if exchange.request.model_label else None,
        round((now - exchange.clock) / 1e6, 3),
        usage.input_tokens if usage else None,
        usage.output_tokens if usage else None,
        exchange.attempts[-1].request_id if exchange.attempts else None,
        redacted(parent.decode("latin-1"))[:100] if parent else None,
        refusal.code if refusal else None,
        redacted(exchange.error) if exchange.error else None,
    )
