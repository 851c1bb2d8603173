"""How the upstream has been doing lately: errors, retries, slow answers, waiting; each a share that fades."""

import msgspec

from gateway import Exchange
from plugins.signals.fading import left_after

FADES_IN_NS = 30_000_000_000
"""Half a minute: after so long an exchange counts half."""
LEAST = 8.0
"""Exchanges, faded, below which nothing is said."""


class Load(msgspec.Struct, frozen=True):
    """Faded counts of exchanges that went out; `at` in ns of the monotonic clock."""

    ended: float = 0.0
    failed: float = 0.0
    retried: float = 0.0
    slow: float = 0.0
    waited: float = 0.0
    at: int = 0

    def after(self, failed: bool, retried: bool, slow: bool, waited: bool, now: int) -> "Load":
        """Gives the load after one more exchange."""
        left = left_after(now - self.at, FADES_IN_NS)
        return Load(
            self.ended * left + 1,
            self.failed * left + failed,
            self.retried * left + retried,
            self.slow * left + slow,
            self.waited * left + waited,
            max(now, self.at),
        )

    def counted(self, now: int) -> float:
        """Gives how many exchanges the shares speak of at `now`."""
        return self.ended * left_after(now - self.at, FADES_IN_NS)


def outcome_of(exchange: Exchange, slow_ns: int, waiting_ns: int) -> tuple[bool, bool, bool, bool] | None:
    """Gives whether an exchange failed upstream, was tried again, was slow, had to wait; None if it never went out."""
    attempts = exchange.attempts
    if not attempts:
        return None
    last = attempts[-1]
    failed = last.error is not None or (last.status is not None and (last.status >= 500 or last.status == 429))
    # What follows an attempt that went well is no second try but the next step of a tool loop.
    retried = any(each.error is not None or each.status is None or each.status >= 400 for each in attempts[:-1])
    slow = last.first_byte_ns is not None and last.first_byte_ns - last.began_ns > slow_ns
    return failed, retried, slow, attempts[0].began_ns > waiting_ns
