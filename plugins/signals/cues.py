"""Cues: patterns with a weight and a reason, and the finding of all that stand in a text.

Every pattern needs one of a few words; all of these words are looked for in one pass, and only patterns of which one
is there are asked. RE2 answers them in time that grows with the text alone: no text can make it slow.
"""

from collections.abc import Iterable, Mapping
from string import ascii_letters, digits
from typing import Any, TypeAlias

import msgspec
import re2
from ahocorasick_rs import BytesAhoCorasick

from plugins.signals.hints import hints_of, literals_of

MEMORY = 4 << 20
"""Bytes that the automaton of one pattern may take; it forgets and begins anew where that is not enough."""


REACH = 240
"""In bytes: the words that a pattern needs are no further apart, and it is no longer on either side of them."""


class Cue(msgspec.Struct, frozen=True):
    """Something to look for in a text: one of the `patterns`, in RE2's syntax, upper and lower case alike.

    `weight` is how likely the signal is when nothing else is seen; below zero, by which part the cue lessens the
    others. `saw` says in words what it is, and never what stood in the text.
    """

    patterns: tuple[str, ...]
    weight: float
    saw: str


Cues: TypeAlias = tuple[Cue, ...]
FAINT = 0.05
"""The weight of a cue that says nothing alone."""
LONG = 2000
"""In characters, some 300 words."""
MOST_CLOSELY = 640 << 10
"""Bytes that patterns are asked about for one text: who fills a text with words of all of them gets no further."""
_TOO_MUCH = Cue((), 0.3, "more words of such texts than are looked at closely")
Seen: TypeAlias = Mapping[str, Cues]
_LETTERS = frozenset(bytes((code,)) for code in (ascii_letters + digits + "_").encode())
"""Of the signs beside a word those that make it another one: what `\\b` means to RE2."""


class _Pattern(msgspec.Struct, frozen=True):
    """A pattern of the cue with this number; `parts` has a bit for each word that must be there.

    `automaton` is None where the words alone are the pattern. It is asked about the text around its words, unless
    the pattern speaks of the text's begin or end.
    """

    number: int
    parts: int
    automaton: Any
    from_begin: bool
    to_end: bool


class CueSet:
    """The cues of several signals, ready to be looked for. Made from the cues by the signal's name.

    Errors: ValueError for a pattern that names no word to look for first.
    """

    def __init__(self, cues: Mapping[str, Cues]) -> None:
        self._cues = [(name, cue) for name, several in cues.items() for cue in several if cue.weight > 0]
        self._dampers = {
            name: [(cue, automaton("|".join(cue.patterns))) for cue in several if cue.weight < 0]
            for name, several in cues.items()
        }
        self._any_damper = {
            name: automaton("|".join(pattern for cue, _ in several for pattern in cue.patterns))
            for name, several in self._dampers.items()
            if several
        }
        self._patterns: list[_Pattern] = []
        places: dict[bytes, list[tuple[int, int, bool]]] = {}
        for number, (_, cue) in enumerate(self._cues):
            for pattern in cue.patterns:
                literals = literals_of(pattern)
                parts = (literals,) if literals else hints_of(pattern)
                if not parts:
                    raise ValueError(f"{pattern!r} names no word that must be there")
                for part, words in enumerate(parts):
                    for word in words:
                        places.setdefault(word.encode(), []).append((len(self._patterns), 1 << part, bool(literals)))
                self._patterns.append(_pattern(pattern, number, len(parts), bool(literals)))
        self._asked = tuple(
            (each.number, *self._cues[each.number], each.automaton.Match if each.automaton else None, each)
            for each in self._patterns
        )
        self._needed = tuple(map(tuple, places.values()))
        self._words = BytesAhoCorasick(tuple(places))

    def seen(self, text: str, only: str | None = None) -> Seen:
        """Gives the cues that stand in a text, by signal: all of them, or those of one signal.

        Cues that lessen others are looked for where there is something to lessen, at the text's begin and end.
        """
        data = text.lower().encode("utf-8", "replace")
        found: dict[str, Cues] = {}
        last, left = -1, MOST_CLOSELY
        for number, begin, end in sorted(self._places_in(data)):
            of_cue, name, cue, matches, pattern = self._asked[number]
            if of_cue == last or (only is not None and name != only):
                continue
            if matches is not None:
                near = _near(pattern, data, begin, end)
                left -= len(near)
                if left < 0:
                    found[name] = (*found.get(name, ()), _TOO_MUCH)
                    break
                if not matches(near):
                    continue
            found[name] = (*found.get(name, ()), cue)
            last = of_cue
        ends = data if len(data) <= 3 * REACH else b" ".join((data[: 2 * REACH], data[-REACH:]))
        for name, seen in found.items():
            if name in self._any_damper and self._any_damper[name].Match(ends):
                found[name] = seen + tuple(cue for cue, damper in self._dampers[name] if damper.Match(ends))
        return found

    def _places_in(self, data: bytes) -> list[tuple[int, int, int]]:
        """Gives each pattern with each place where all words that it needs stand near each other."""
        places: list[tuple[int, int, int]] = []
        near: dict[int, tuple[int, int, int]] = {}
        patterns, needed = self._patterns, self._needed
        for word, begin, end in self._words.find_matches_as_indexes(data, overlapping=True):
            for number, part, whole in needed[word]:
                if whole:
                    if data[begin - 1 : begin] not in _LETTERS and data[end : end + 1] not in _LETTERS:
                        places.append((number, begin, end))
                    continue
                known = near.get(number)
                if known is not None and begin - known[2] <= REACH:
                    near[number] = (known[0] | part, known[1], end)
                    continue
                if known is not None and known[0] == patterns[number].parts:
                    places.append((number, known[1], known[2]))
                near[number] = (part, begin, end)
        places.extend(
            (number, begin, end) for number, (parts, begin, end) in near.items() if parts == patterns[number].parts
        )
        return places


def _near(pattern: _Pattern, data: bytes, begin: int, end: int) -> bytes:
    """Gives the part of a text that a pattern is asked about."""
    return data[
        0 if pattern.from_begin or begin < REACH else begin - REACH : len(data) if pattern.to_end else end + REACH
    ]


def _pattern(pattern: str, number: int, parts: int, literal: bool) -> _Pattern:
    from_begin, to_end = "^" in pattern.replace("[^", ""), "$" in pattern
    return _Pattern(number, (1 << parts) - 1, None if literal else automaton(pattern), from_begin, to_end)


def automaton(pattern: str, as_written: bool = False) -> Any:
    """Gives what says whether a pattern is in a text (`Match` of its bytes), capitals like small letters or not."""
    options = re2.Options()
    options.max_mem = MEMORY
    made = re2.Set.SearchSet(options)
    made.Add(pattern if as_written else f"(?i){pattern}")
    made.Compile()
    return made


def more_than_faint(cues: Cues, characters: int) -> Cues:
    """Gives nothing where a text of many `characters` has faint cues alone: any long document has their words."""
    return () if characters > LONG and all(abs(cue.weight) <= FAINT for cue in cues) else cues


def weighed(cues: Iterable[Cue]) -> float:
    """Gives the level that the cues add up to: each is a chance of its own, then each damper takes its part away."""
    calm, rest = 1.0, 1.0
    for cue in cues:
        if cue.weight > 0:
            calm *= 1.0 - cue.weight
        else:
            rest *= 1.0 + cue.weight
    return (1.0 - calm) * rest


def of_each_kind(cues: Cues) -> Cues:
    """Gives of the cues that saw the same the one that weighs most: a word that several patterns know is said once."""
    if len(cues) == 1:
        return cues
    kept: dict[str, Cue] = {}
    for cue in cues:
        if cue.saw not in kept or abs(cue.weight) > abs(kept[cue.saw].weight):
            kept[cue.saw] = cue
    return tuple(kept.values())


def in_words(cues: Iterable[Cue]) -> str:
    """Says what was seen, each thing once, what lessens it last."""
    raises: dict[str, None] = {}
    lessens: dict[str, None] = {}
    for cue in cues:
        (raises if cue.weight > 0 else lessens)[cue.saw] = None
    said = ", ".join(raises)
    return f"{said}; less, because of {', '.join(lessens)}" if raises and lessens else said
