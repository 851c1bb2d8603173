"""What an extractor found: a level, and why in words."""

import msgspec


class Found(msgspec.Struct, frozen=True):
    """A level between 0 and 1, and what it was read from; never the text itself."""

    level: float
    because: str = ""


NOTHING_FOUND = Found(0.0)
_WORDED = "the wording is like that of texts that have it"


def worded(level: float) -> Found:
    """Gives what wording alone speaks for."""
    return Found(level, _WORDED)


def together(*several: Found) -> Found:
    """Gives levels that come from different places as one: each is a chance of its own."""
    found = [each for each in several if each.level > 0]
    if not found:
        return NOTHING_FOUND
    calm = 1.0
    for each in found:
        calm *= 1.0 - each.level
    return Found(1.0 - calm, "; ".join(each.because for each in found))
