"""What a principal has done lately: how much went well, what was refused, which calls of tools were blocked."""

from datetime import datetime

import msgspec

from gateway import Exchange, Refusal, is_read_again
from plugins.signals.fading import left_after

FORGETS_IN_NS = 1_800_000_000_000
"""Half an hour: after so long what was blocked counts half."""
_CONTENT_HOOKS = ("judge", "review")
_BROKE = "plugin_failed"
_NOBODYS = frozenset((_BROKE, "tools_missing", "tool_not_offered", "call_not_understood"))
"""Reasons of blocked calls that say nothing of who asked: what is broken here, and names that a model made up."""
_BY_A_LIST = "tool_not_allowed"


class Conduct(msgspec.Struct, frozen=True):
    """Counts of a principal since the process began; `lately` are blocked calls, `turned_away` refusals, that fade.

    `at` is when that was, in ns of the monotonic clock; what was blocked before `forgiven` counts for nothing.
    """

    ended: int = 0
    refused: int = 0
    blocked: int = 0
    lately: float = 0.0
    at: int = 0
    turned_away: float = 0.0
    forgiven: datetime | None = None

    def faded(self, now: int) -> float:
        """Gives what is left at `now` of what was blocked and refused lately."""
        past = self.lately + self.turned_away
        return past * left_after(now - self.at, FORGETS_IN_NS) if past else 0.0

    def after(self, refused: bool, blocked: int, now: int) -> "Conduct":
        """Gives the conduct after one more exchange; a blocked call weighs twice what a refusal does."""
        left = left_after(now - self.at, FORGETS_IN_NS) if self.lately or self.turned_away else 0.0
        return Conduct(
            self.ended + 1,
            self.refused + refused,
            self.blocked + blocked,
            self.lately * left + blocked,
            now,
            self.turned_away * left + 0.5 * refused,
            self.forgiven,
        )

    def since(self, forgiven: datetime | None) -> "Conduct":
        """Gives the conduct without what was blocked before it was `forgiven`, if that is news."""
        if forgiven is None or (self.forgiven is not None and forgiven <= self.forgiven):
            return self
        return msgspec.structs.replace(self, blocked=0, lately=0.0, forgiven=forgiven)


UNKNOWN = Conduct()


def was_refused(exchange: Exchange) -> bool:
    """Whether the exchange was turned away for what it held; limits, tiers and broken plugins are nobody's conduct."""
    refusal = exchange.refusal
    if refusal is None or refusal.code == _BROKE:
        return False
    return any(isinstance(step.answer, Refusal) and step.hook in _CONTENT_HOOKS for step in exchange.trail)


def blocked_calls(exchange: Exchange) -> int:
    """Gives how many calls of the exchange's tools were blocked so far, and tell something of who asked.

    A name that was not offered is the model's slip, and what strict mode keeps from an exchange would keep itself up.
    Who reads a stored reply again tries nothing.
    """
    if not exchange.tools or is_read_again(exchange):
        return 0
    return sum(use.status == "blocked" and not _says_nothing(use.because, use.safety_mode) for use in exchange.tools)


def _says_nothing(reason: str, safety_mode: str) -> bool:
    return reason in _NOBODYS or (reason == _BY_A_LIST and safety_mode == "strict")
