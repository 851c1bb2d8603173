"""Timeouts without timers: connections count the ticks of one coarse clock and say when they are out of patience.

Arming and cancelling a timer for each event costs more than the rest of the event. Here an event costs the
assignment of a zero, and a loop that was blocked for a while does not time out what it could not read.
"""

import math
import sys
from dataclasses import dataclass
from typing import Self

from gateway.transport.limits import Limits

NEVER = sys.maxsize


@dataclass(frozen=True, slots=True)
class Patience:
    """The limits in ticks of `tick` seconds: how long to be silent, and how long to last in all."""

    tick: float
    first_byte: int
    between_chunks: int
    idle: int
    total: int

    @classmethod
    def under(cls, limits: Limits) -> Self:
        """Chooses a tick that is short beside the shortest limit, and long beside the work that it makes."""
        total = limits.total_timeout
        times = [limits.first_byte_timeout, limits.between_chunks_timeout, limits.idle_timeout]
        tick = min(max(min(times if total is None else [*times, total]) / 10, 0.01), 0.25)
        first_byte, between_chunks, idle = (_ticks(seconds, tick) for seconds in times)
        return cls(tick, first_byte, between_chunks, idle, NEVER if total is None else _ticks(total, tick))


def _ticks(seconds: float, tick: float) -> int:
    """One more than fit, since the first tick may come at once."""
    return math.ceil(seconds / tick) + 1
