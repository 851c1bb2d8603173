"""What an extractor found: a level, and why in words."""

import msgspec


class Found(msgspec.Struct, frozen=True):
    """A level between 0 and 1, and what it was read from; never the text itself."""

    level: float
    because: str = ""


NOTHING_FOUND = Found(0.0)
_WORDED = "the wording is like that of texts that have it"


def worded(level: float, share: float = 1.0) -> Found:
    """Gives what wording alone speaks for; of a `share` of it, the rest is left to what is said outright."""
    return Found(level * share, _WORDED)


_SLIGHT, _PLAIN = 0.15, 0.6
_PLAIN_GIVES = 0.2


def plain(level: float) -> float:
    """Gives a level of how people feel as what it is worth: below 0.2 until it is plain, in the same order.

    One word of haste or anger stands in many a calm text; that it is meant is told by a second sign of it.
    """
    if level <= _SLIGHT:
        return level
    if level <= _PLAIN:
        return _SLIGHT + (level - _SLIGHT) / (_PLAIN - _SLIGHT) * (_PLAIN_GIVES - _SLIGHT)
    return _PLAIN_GIVES + (level - _PLAIN) / (1.0 - _PLAIN) * (1.0 - _PLAIN_GIVES)


def made_plain(found: Found) -> Found:
    """Gives what was found of how people feel with the level that it is worth."""
    return found if found.level <= _SLIGHT else Found(plain(found.level), found.because)


HINTED = 0.3
"""Of wording that tells how people feel and not what they want: alone it ranks texts, and never reaches 0.2."""


_NAMED = 0.2
"""What is below this share of the highest level has no part in it that is worth a word."""


def together(*several: Found) -> Found:
    """Gives levels that come from different places as one: each is a chance of its own, and the high ones are named."""
    found = [each for each in several if each.level > 0]
    if not found:
        return NOTHING_FOUND
    if len(found) == 1:
        return found[0]
    calm, least = 1.0, _NAMED * max(each.level for each in found)
    for each in found:
        calm *= 1.0 - each.level
    return Found(1.0 - calm, "; ".join(each.because for each in found if each.level >= least))
