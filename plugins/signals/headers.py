"""What a client says itself about its request: levels in `x-lukhas-signals`, seconds in `x-lukhas-deadline`."""

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

LEVELS = b"x-lukhas-signals"
DEADLINE = b"x-lukhas-deadline"
Name: TypeAlias = Literal["alignment_risk", "stress", "ambiguity", "urgency", "novelty", "trust"]
NAMES: tuple[str, ...] = get_args(Name)
"""In the order of precedence, highest first."""
_FROM_CLIENTS = frozenset(NAMES) - {"trust"}
_LONGEST = 400


class HeaderError(ValueError):
    """A header says what it may not; the message tells the sender, `header` names it."""

    def __init__(self, header: bytes, what: str) -> None:
        self.header = header.decode()
        super().__init__(f"The header {self.header} {what}")


def levels_of(value: bytes) -> Mapping[str, float]:
    """Gives the levels of a header such as `alignment_risk=0.6, urgency=0.3`. Errors: HeaderError."""
    if len(value) > _LONGEST:
        raise HeaderError(LEVELS, f"is longer than {_LONGEST} bytes.")
    levels: dict[str, float] = {}
    for part in value.decode("latin-1").split(","):
        name, equals, written = part.partition("=")
        name = name.strip(" \t")
        if not equals:
            raise HeaderError(LEVELS, "must have the form `name=level, name=level`, such as `urgency=0.3`.")
        if name == "trust":
            raise HeaderError(LEVELS, "names trust, which nobody can say of themselves.")
        if name not in _FROM_CLIENTS:
            known = ", ".join(each for each in NAMES if each in _FROM_CLIENTS)
            raise HeaderError(LEVELS, f"names a signal that there is not; known: {known}.")
        if name in levels:
            raise HeaderError(LEVELS, f"names {name} twice.")
        level = _number(written)
        if level is None or level > 1.0:
            raise HeaderError(LEVELS, f"must give {name} a level from 0 to 1, such as 0.3.")
        levels[name] = level
    return levels


def deadline_of(value: bytes) -> float:
    """Gives the seconds within which the client needs its answer. Errors: HeaderError."""
    seconds = _number(value.decode("latin-1")) if len(value) <= _LONGEST else None
    if seconds is None:
        raise HeaderError(DEADLINE, "must be a number of seconds, such as 20 or 1.5.")
    return seconds


def _number(written: str) -> float | None:
    """Reads plain decimals alone: what `float` would take beyond them (nan, inf, 1e3, 1_0) is no level."""
    written = written.strip(" \t")
    whole, point, part = written.partition(".")
    if not (whole.isascii() and whole.isdigit()) or (point and not (part.isascii() and part.isdigit())):
        return None
    return float(written)
