"""What a principal has done lately: how much went well, what was refused, which calls of tools were blocked."""

import msgspec

from gateway import Exchange, Refusal
from plugins.signals.fading import left_after

FORGETS_IN_NS = 1_800_000_000_000
"""Half an hour: after so long what was blocked counts half."""
_CONTENT_HOOKS = ("judge", "review")
_BROKE = "plugin_failed"


class Conduct(msgspec.Struct, frozen=True):
    """Counts of a principal since the process began; `lately` are blocked calls and refusals that fade with time.

    `at` is when that was, in ns of the monotonic clock.
    """

    ended: int = 0
    refused: int = 0
    blocked: int = 0
    lately: float = 0.0
    at: int = 0

    def faded(self, now: int) -> float:
        """Gives what is left at `now` of what was blocked and refused lately."""
        return self.lately * left_after(now - self.at, FORGETS_IN_NS) if self.lately else 0.0

    def after(self, refused: bool, blocked: int, now: int) -> "Conduct":
        """Gives the conduct after one more exchange; a blocked call weighs twice what a refusal does."""
        lately = self.faded(now) + blocked + 0.5 * refused
        return Conduct(self.ended + 1, self.refused + refused, self.blocked + blocked, lately, now)


UNKNOWN = Conduct()


def was_refused(exchange: Exchange) -> bool:
    """Whether the exchange was turned away for what it held; limits, tiers and broken plugins are nobody's conduct."""
    refusal = exchange.refusal
    if refusal is None or refusal.code == _BROKE:
        return False
    return any(isinstance(step.answer, Refusal) and step.hook in _CONTENT_HOOKS for step in exchange.trail)


def blocked_calls(exchange: Exchange) -> int:
    """Gives how many calls of the exchange's tools were blocked so far."""
    return sum(use.status == "blocked" for use in exchange.tools) if exchange.tools else 0
