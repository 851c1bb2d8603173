"""The signals by name, highest precedence first, and what a level must be."""

from collections.abc import Mapping
from difflib import get_close_matches

ALIGNMENT_RISK = "alignment_risk"
STRESS = "stress"
SIGNALS: tuple[str, ...] = (ALIGNMENT_RISK, STRESS, "ambiguity", "urgency", "novelty", "trust")


class SignalError(ValueError):
    """A signal has a name that nobody knows, or a level that is not a number; the message says which."""


def checked_levels(levels: Mapping[str, float]) -> dict[str, float]:
    """Gives the levels clamped to [0, 1]. Errors: SignalError."""
    return {name: checked_level(name, level) for name, level in levels.items()}


def checked_level(name: str, level: float) -> float:
    """Gives the level clamped to [0, 1]. Errors: SignalError for an unknown name, or a level that is no number."""
    if name not in SIGNALS:
        close = get_close_matches(name, SIGNALS, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise SignalError(f"Unknown signal {name[:100]!r}; known: {', '.join(SIGNALS)}.{hint}")
    if isinstance(level, bool) or not isinstance(level, int | float) or level != level:
        raise SignalError(f"The level of {name} is not a number.")
    return min(max(float(level), 0.0), 1.0)


def levels_in_order(levels: Mapping[str, float]) -> tuple[float, ...]:
    """Gives the level of each signal in the order of precedence, whatever stands there.

    Names that are no signals are left out, levels outside are clamped. One that is not a number counts as absent;
    for `alignment_risk` as the highest, since a risk that nobody can read is no reason to be calm.
    """
    return tuple(_level(name, levels.get(name, 0.0)) for name in SIGNALS)


def _level(name: str, level: float) -> float:
    if 0.0 <= level <= 1.0:
        return level
    if level != level:
        return 1.0 if name == ALIGNMENT_RISK else 0.0
    return 1.0 if level > 1.0 else 0.0
