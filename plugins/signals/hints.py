"""Which words must stand in a text for a pattern to match: cheap to look for, before the pattern itself is asked.

It reads the part of RE2's syntax that cues are written in, and knows nothing of the rest: groups, alternatives, short
classes, optional parts, repeats. A part that it cannot tell words for asks for none.
"""

from collections.abc import Iterable
from itertools import product

import msgspec

MOST = 300
"""How many words the parts of a pattern may be multiplied out to."""
LONGEST_CLASS = 4
_END = ""


class Needs(msgspec.Struct, frozen=True):
    """What a part of a pattern asks of a text.

    `exact`: all that the part can be, None where that is too much to say; `one_of`: words of which one must be there.
    """

    exact: frozenset[str] | None
    one_of: frozenset[str] | None


_NOTHING = Needs(frozenset((_END,)), None)
_ANYTHING = Needs(None, None)


def hints_of(pattern: str) -> frozenset[str]:
    """Gives words in lower case of which every match holds one; none where there are no such words."""
    reader = _Reader(pattern)
    needs = reader.alternatives()
    if reader.at != len(pattern):
        raise ValueError(f"{pattern!r}: cannot be read from {pattern[reader.at :]!r} on")
    found = _best((_as_words(needs.exact), needs.one_of))
    return frozenset(word.lower() for word in found) if found else frozenset()


class _Reader:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.at = 0

    def alternatives(self) -> Needs:
        found = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            found.append(self._sequence())
        return found[0] if len(found) == 1 else _either(found)

    def _sequence(self) -> Needs:
        parts = []
        while self._peek() not in ("|", ")", _END):
            parts.append(self._repeated(self._part()))
        return _one_after_the_other(parts)

    def _part(self) -> Needs:
        sign = self._take()
        if sign == "(":
            inside = self._group()
            self._take()
            return inside
        if sign == "[":
            return self._class()
        if sign == "\\":
            return self._escaped(self._take())
        if sign in "^$":
            return _NOTHING
        return _ANYTHING if sign == "." else Needs(frozenset((sign,)), None)

    def _group(self) -> Needs:
        if self._peek() == "?":
            self.at = self._pattern.index(":", self.at) + 1
        return self.alternatives()

    def _class(self) -> Needs:
        end = self._pattern.index("]", self.at + 1)
        inside, self.at = self._pattern[self.at : end], end + 1
        if inside[0] == "^" or "\\" in inside or "-" in inside[1:-1] or len(inside) > LONGEST_CLASS:
            return _ANYTHING
        return Needs(frozenset(inside), None)

    @staticmethod
    def _escaped(sign: str) -> Needs:
        if sign == "b":
            return _NOTHING
        return _ANYTHING if sign.isalnum() else Needs(frozenset((sign,)), None)

    def _repeated(self, part: Needs) -> Needs:
        sign = self._peek()
        if sign == "?":
            part = Needs(None if part.exact is None else part.exact | {_END}, None)
        elif sign == "*":
            part = _ANYTHING
        elif sign == "+":
            part = Needs(None, _best((_as_words(part.exact), part.one_of)))
        elif sign == "{":
            least, self.at = self._pattern[self.at + 1], self._pattern.index("}", self.at)
            part = _ANYTHING if least == "0" else Needs(None, _best((_as_words(part.exact), part.one_of)))
        else:
            return part
        self.at += 1
        if self._peek() == "?":
            self.at += 1
        return part

    def _peek(self) -> str:
        return self._pattern[self.at : self.at + 1]

    def _take(self) -> str:
        sign = self._pattern[self.at]
        self.at += 1
        return sign


def _either(parts: list[Needs]) -> Needs:
    exact: frozenset[str] | None = frozenset()
    one_of: frozenset[str] | None = frozenset()
    for part in parts:
        exact = None if exact is None or part.exact is None else exact | part.exact
        words = _best((_as_words(part.exact), part.one_of))
        one_of = None if one_of is None or words is None else one_of | words
    return Needs(exact if exact is not None and len(exact) <= MOST else None, one_of)


def _one_after_the_other(parts: list[Needs]) -> Needs:
    run: frozenset[str] = frozenset((_END,))
    known = True
    candidates: list[frozenset[str] | None] = []
    for part in parts:
        candidates.append(part.one_of)
        if part.exact is not None and len(run) * len(part.exact) <= MOST:
            run = frozenset(map("".join, product(run, part.exact)))
            continue
        candidates.append(_as_words(run))
        known = False
        run = part.exact if part.exact is not None else frozenset((_END,))
    return Needs(run, None) if known else Needs(None, _best((*candidates, _as_words(run))))


def _as_words(exact: frozenset[str] | None) -> frozenset[str] | None:
    """Gives what a part can be as words to look for, None where one of them is empty."""
    return exact if exact and _END not in exact else None


def _best(candidates: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """Gives the words that are likely the rarest: those of which the shortest is the longest, the fewest of them."""
    known = [words for words in candidates if words]
    return max(known, key=lambda words: (min(map(len, words)), -len(words)), default=None)
