"""Writes one line of JSON for each exchange; no text of a prompt or reply stands in it, and no secret."""

import os
import select
from datetime import UTC, datetime
from time import monotonic_ns
from typing import Literal

import msgspec
from prometheus_client import Counter

from gateway import Exchange, Startup, hookimpl
from policies.personal_data import without_personal_data
from policies.redaction import redacted

_ENCODER = msgspec.json.Encoder()
_DESCRIPTORS = {"stdout": 1, "stderr": 2, "nowhere": None}


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a line says; `ms` is the whole time of the exchange, `cost` US dollars, `estimated` speaks of the tokens."""

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
    estimated: bool = False
    cost: float | None = None
    request_id: str | None = None
    trace: str | None = None
    refusal: str | None = None
    error: str | None = None


class Log:
    """Writes to standard output or error; a line that nobody takes off in time is dropped and counted."""

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`to` says where the lines go."""

        to: Literal["stdout", "stderr", "nowhere"] = "stdout"

    def __init__(self, settings: Settings) -> None:
        self._fd = _DESCRIPTORS[settings.to]
        self._takes = select.poll()
        if self._fd is not None:
            self._takes.register(self._fd, select.POLLOUT)
        self._dropped: Counter | None = None

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Begins to count the lines that are dropped."""
        name, says = "lukhas_log_lines_dropped_total", "Log lines that whoever reads the log did not take off in time."
        self._dropped = Counter(name, says, registry=startup.registry)

    @hookimpl
    def record(self, exchange: Exchange) -> None:
        """Writes the line of an exchange that has ended."""
        if self._fd is None:
            return
        line = _ENCODER.encode(line_of(exchange, monotonic_ns())) + b"\n"
        if not self._written(self._fd, line) and self._dropped is not None:
            self._dropped.inc()

    def _written(self, fd: int, line: bytes) -> bool:
        """Writes where there is room: a pipe that can be written takes 4096 bytes at once, and no line is longer."""
        if not any(event & select.POLLOUT for _, event in self._takes.poll(0)):
            return False
        try:
            return os.write(fd, line) == len(line)
        except OSError:
            return False


def line_of(exchange: Exchange, now: int) -> Line:
    """Gives the line of an exchange; `now` is in ns of the monotonic clock."""
    caller, reply, usage, refusal = exchange.caller, exchange.reply, exchange.usage, exchange.refusal
    model = exchange.asked.model_label
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
        redacted(model) if model else None,
        round((now - exchange.clock) / 1e6, 3),
        usage.input_tokens if usage else None,
        usage.output_tokens if usage else None,
        usage.estimated if usage else False,
        exchange.cost.usd if exchange.cost else None,
        exchange.attempts[-1].request_id if exchange.attempts else None,
        redacted(parent.decode("latin-1"))[:100] if parent else None,
        refusal.code if refusal else None,
        redacted(without_personal_data(exchange.error)) if exchange.error else None,
    )
