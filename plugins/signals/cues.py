"""Cues: patterns with a weight and a reason, and the finding of all that stand in a text.

Every pattern needs one of a few words; all of these words are looked for in one pass, and only patterns of which one
is there are asked. RE2 answers them in time that grows with the text alone: no text can make it slow.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import msgspec
import re2
from ahocorasick_rs import AhoCorasick

from plugins.signals.hints import hints_of

MEMORY = 4 << 20
"""Bytes that the automaton of one pattern may take; it forgets and begins anew where that is not enough."""


class Cue(msgspec.Struct, frozen=True):
    """Something to look for in a text: `pattern` in RE2's syntax, upper and lower case alike.

    `weight` is how likely the signal is when nothing else is seen; below zero, by which part the cue lessens the
    others. `saw` says in words what it is, and never what stood in the text. `hint` is the rarest part of the pattern,
    where its parts do not tell by their length.
    """

    pattern: str
    weight: float
    saw: str
    hint: str = ""


Cues: TypeAlias = tuple[Cue, ...]
Seen: TypeAlias = Mapping[str, Cues]
NOTHING: Seen = {}


class CueSet:
    """The cues of several signals, ready to be looked for. Made from the cues by the signal's name.

    Errors: ValueError for a pattern that names no word to look for first.
    """

    def __init__(self, cues: Mapping[str, Cues]) -> None:
        self._cues = [
            (name, cue, _automaton(cue.pattern)) for name, several in cues.items() for cue in _raising_first(several)
        ]
        by_word: dict[str, list[int]] = {}
        for number, (_, cue, _) in enumerate(self._cues):
            words = hints_of(cue.hint or cue.pattern)
            if not words:
                raise ValueError(f"{cue.pattern!r} needs no word; give a hint")
            for word in words:
                by_word.setdefault(word, []).append(number)
        self._numbers = tuple(map(tuple, by_word.values()))
        self._words = AhoCorasick(tuple(by_word))

    def seen(self, text: str, only: str | None = None) -> Seen:
        """Gives the cues that stand in a text, by signal: all of them, or those of one signal."""
        hits = self._words.find_matches_as_indexes(text.lower(), overlapping=True)
        if not hits:
            return NOTHING
        data = text.encode("utf-8", "replace")
        found: dict[str, Cues] = {}
        for number in sorted({number for word in {hit[0] for hit in hits} for number in self._numbers[word]}):
            name, cue, automaton = self._cues[number]
            if only is not None and name != only:
                continue
            if (cue.weight > 0 or name in found) and automaton.Match(data):
                found[name] = (*found.get(name, ()), cue)
        return found


def _raising_first(cues: Cues) -> Cues:
    """Puts the cues that lessen others behind them: where there is nothing to lessen they are not looked for."""
    return tuple(sorted(cues, key=lambda cue: cue.weight < 0))


def _automaton(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = MEMORY
    automaton = re2.Set.SearchSet(options)
    automaton.Add(f"(?i){pattern}")
    automaton.Compile()
    return automaton


def weighed(cues: Iterable[Cue]) -> float:
    """Gives the level that the cues add up to: each is a chance of its own, then each damper takes its part away."""
    calm, rest = 1.0, 1.0
    for cue in cues:
        if cue.weight > 0:
            calm *= 1.0 - cue.weight
        else:
            rest *= 1.0 + cue.weight
    return (1.0 - calm) * rest


def in_words(cues: Iterable[Cue]) -> str:
    """Says what was seen, each thing once, what lessens it last."""
    raises = dict.fromkeys(cue.saw for cue in cues if cue.weight > 0)
    lessens = dict.fromkeys(cue.saw for cue in cues if cue.weight < 0)
    said = ", ".join(raises)
    return f"{said}; less, because of {', '.join(lessens)}" if raises and lessens else said
