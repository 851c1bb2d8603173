"""How likely a request wants a model to break its rules, to give away what it must not, or to help with harm."""

from collections.abc import Mapping

from plugins.signals.conduct import Conduct
from plugins.signals.cues import Cues, in_words, weighed
from plugins.signals.found import Found, together, worded

_BLOCKED_HERE = 0.7
_MOST_OF_LATELY = 0.6
_LATELY_HALF = 3.0
"""Blocked calls, faded, that make half of the most that a past can add."""


def alignment_risk(seen: Mapping[str, Cues], wording: float, blocked_here: int, conduct: Conduct, now: int) -> Found:
    """Weighs the cues by where they stood (`in the last turn`, `in what a tool gave`), and what was blocked.

    `wording` is the level that the last turn's wording speaks for, `blocked_here` the number of blocked calls of this
    exchange; `now` is in ns of the monotonic clock.
    """
    found = [Found(weighed(cues), f"{place}: {in_words(cues)}") for place, cues in seen.items()]
    if blocked_here:
        found.append(Found(_BLOCKED_HERE, f"{blocked_here} calls of this exchange were blocked"))
    lately = conduct.faded(now)
    if lately >= 1.0:
        level = _MOST_OF_LATELY * lately / (lately + _LATELY_HALF)
        found.append(Found(level, "calls of this caller were blocked lately"))
    return together(*found, worded(wording))
