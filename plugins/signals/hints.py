"""Which words must stand in a text for a pattern to match: cheap to look for, before the pattern itself is asked.

It reads the part of RE2's syntax that cues are written in, and knows nothing of the rest: groups, alternatives, short
classes, optional parts, repeats. A part that it cannot tell words for asks for none.
"""

import re
from collections.abc import Iterable
from itertools import product
from typing import TypeAlias

import msgspec

Words: TypeAlias = frozenset[str]
MOST = 300
"""How many words the parts of a pattern may be multiplied out to."""
MOST_ALTERNATIVES = 1000
MOST_PARTS = 3
LONGEST_CLASS = 4
_LEAST_RARITY = 3
_COMMON = frozenset(
    (
        *("a", "about", "add", "all", "an", "and", "any", "are", "as", "at", "be", "before", "but", "by", "can"),
        *("client", "could", "create", "did", "do", "does", "each", "every", "file", "find", "first", "for", "from"),
        *("get", "give", "has", "have", "he", "her", "him", "his", "how", "i", "if", "in", "into", "is", "it", "know"),
        *("like", "list", "make", "may", "more", "most", "much", "must", "my", "need", "not", "now", "of", "on", "one"),
        *("only", "or", "order", "our", "out", "over", "own", "part", "per", "put", "run", "say", "see", "set", "she"),
        *("should", "show", "so", "some", "such", "take", "tell", "than", "that", "the", "their", "them", "then"),
        *("there", "these", "they", "this", "time", "to", "up", "use", "user", "want", "was", "we", "were", "what"),
        *("when", "where", "which", "who", "why", "will", "with", "write", "you", "your"),
    )
)
_WHOLE = (r"\b(?:", r")\b")
_END = ""
_PLAIN = re.compile(r"[^()\[\]\\^$.|?*+{}]+(?![?*+{])")
"""Signs that stand for themselves, up to one that is repeated."""


class Needs(msgspec.Struct, frozen=True):
    """What a part of a pattern asks of a text.

    `exact`: all that the part can be, None where that is too much to say. `parts`: of each of these sets of words one
    must be there.
    """

    exact: Words | None
    parts: tuple[Words, ...] = ()

    def all(self) -> tuple[Words, ...]:
        """Gives the sets, with the exact words as one more where there are any."""
        return self.parts if self.exact is None or _END in self.exact else (*self.parts, self.exact)


_NOTHING = Needs(frozenset((_END,)))
_ANYTHING = Needs(None)


def hints_of(pattern: str) -> tuple[Words, ...]:
    """Gives sets of words in lower case: every match holds a word of each. None where there are no such words."""
    reader = _Reader(pattern)
    needs = reader.alternatives()
    if reader.at != len(pattern):
        raise ValueError(f"{pattern!r}: cannot be read from {pattern[reader.at :]!r} on")
    rarest = sorted(dict.fromkeys(needs.all()), key=_rarity, reverse=True)
    telling = [words for words in rarest if _rarity(words)[0] >= _LEAST_RARITY]
    return tuple(frozenset(word.lower() for word in words) for words in (telling or rarest[:1])[:MOST_PARTS])


def literals_of(pattern: str) -> Words:
    """Gives the words in lower case that a pattern of whole words stands for, none where it is more than those."""
    if not (pattern.startswith(_WHOLE[0]) and pattern.endswith(_WHOLE[1])):
        return frozenset()
    reader = _Reader(pattern)
    needs = reader.alternatives()
    if reader.at != len(pattern) or needs.exact is None or _END in needs.exact:
        return frozenset()
    return frozenset(word.lower() for word in needs.exact) if all(map(_is_bare, needs.exact)) else frozenset()


def _is_bare(word: str) -> bool:
    ends = word[0] + word[-1]
    return ends.isascii() and ends.isalnum()


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
        if run := _PLAIN.match(self._pattern, self.at):
            self.at = run.end()
            return Needs(frozenset((run[0],)))
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
        return _ANYTHING if sign == "." else Needs(frozenset((sign,)))

    def _group(self) -> Needs:
        if self._peek() == "?":
            self.at = self._pattern.index(":", self.at) + 1
        return self.alternatives()

    def _class(self) -> Needs:
        end = self._pattern.index("]", self.at + 1)
        inside, self.at = self._pattern[self.at : end], end + 1
        if inside[0] == "^" or "\\" in inside or "-" in inside[1:-1] or len(inside) > LONGEST_CLASS:
            return _ANYTHING
        return Needs(frozenset(inside))

    @staticmethod
    def _escaped(sign: str) -> Needs:
        if sign == "b":
            return _NOTHING
        return _ANYTHING if sign.isalnum() else Needs(frozenset((sign,)))

    def _repeated(self, part: Needs) -> Needs:
        sign = self._peek()
        if sign == "?":
            part = Needs(None if part.exact is None else part.exact | {_END})
        elif sign == "*":
            part = _ANYTHING
        elif sign == "+":
            part = Needs(None, part.all())
        elif sign == "{":
            least, self.at = self._pattern[self.at + 1], self._pattern.index("}", self.at)
            part = _ANYTHING if least == "0" else Needs(None, part.all())
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
    """Of several alternatives the rarest set of each, all together; nothing where one of them asks for nothing."""
    exact: Words | None = frozenset()
    one_of: Words | None = frozenset()
    for part in parts:
        exact = None if exact is None or part.exact is None else exact | part.exact
        words = max(part.all(), key=_rarity, default=None)
        one_of = None if one_of is None or words is None else one_of | words
    if exact is not None and len(exact) <= MOST_ALTERNATIVES:
        return Needs(exact)
    return Needs(None, () if one_of is None else (one_of,))


def _one_after_the_other(parts: list[Needs]) -> Needs:
    run: Words = frozenset((_END,))
    whole = True
    found: list[Words] = []
    for part in parts:
        found += part.parts
        if part.exact is not None and len(run) * len(part.exact) <= MOST:
            run = frozenset(map("".join, product(run, part.exact)))
            continue
        found += _words(run)
        whole = False
        run = part.exact if part.exact is not None else frozenset((_END,))
    return Needs(run, tuple(found)) if whole else Needs(None, (*found, *_words(run)))


def _words(exact: Words) -> Iterable[Words]:
    return () if _END in exact else (exact,)


def _rarity(words: Words) -> tuple[int, int]:
    """Long words are rarer than short ones, signs of dense scripts as rare as some letters; fewer are rarer."""
    return min(map(_rarity_of_one, words)), -len(words)


def _rarity_of_one(word: str) -> int:
    bare = word.strip()
    if bare.lower() in _COMMON:
        return 0
    return len(bare) if bare.isascii() else sum(1 if sign.isascii() else 2 for sign in bare)
