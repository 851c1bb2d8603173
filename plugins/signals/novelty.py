"""How new a prompt is for its principal: which part of its words no earlier prompt had, beyond what is usual there.

Of earlier prompts a sketch is kept: counts by the hash of words and of pairs of words, of a fixed size. No text can be
read out of it.
"""

from collections.abc import Sequence
from zlib import crc32

import msgspec

from plugins.signals.found import NOTHING_FOUND, Found

MOST = 48
"""Shingles of a prompt that are looked up."""
SLOTS = 4096
STEM = 7
"""In bytes. Words are the same where their beginnings are: endings do not make a topic new."""
FIRST = 2
"""Prompts that say nothing about what is usual: to an empty sketch everything is new."""
PROMPTS_BEFORE = 5
_FULL = SLOTS // 4
_WEIGHT_OF_ONE = 0.15
_MOST_OFTEN = 255
_HALVED = bytes(count // 2 for count in range(256))


class Sketch(msgspec.Struct):
    """What is kept of a principal's prompts; `usual` is how new they were when they came, `spread` how unequally."""

    counts: bytearray
    filled: int = 0
    prompts: int = 0
    usual: float = 0.0
    spread: float = 0.0


def shingles_of(tokens: Sequence[bytes], nameless: frozenset[bytes]) -> Sequence[int]:
    """Gives the hashes of the words of a prompt, and of each with the next; `nameless` words are left out."""
    stems = [word[:STEM] for word in tokens if word not in nameless][: MOST // 2]
    alone = list(map(crc32, stems))
    pairs = map(crc32, stems[1:], alone)
    return [code % SLOTS for code in (*alone, *pairs)]


def share_unknown(shingles: Sequence[int], counts: bytearray) -> float:
    """Gives the part of the shingles that the sketch has not seen."""
    return [counts[shingle] for shingle in shingles].count(0) / len(shingles)


def novelty(shingles: Sequence[int], sketch: Sketch | None) -> Found:
    """Compares a prompt with what came before; with too little before it there is nothing to say."""
    if sketch is None or sketch.prompts < PROMPTS_BEFORE or len(shingles) < 2:
        return NOTHING_FOUND
    unknown = share_unknown(shingles, sketch.counts)
    beyond = unknown - sketch.usual - sketch.spread
    if beyond <= 0:
        return NOTHING_FOUND
    return Found(beyond, f"{unknown:.0%} of its words are new to this caller, {sketch.usual:.0%} are usual")


def remember(shingles: Sequence[int], sketch: Sketch) -> None:
    """Takes a prompt into the sketch; one that fills up forgets what came once, long ago."""
    if len(shingles) < 2:
        return
    counts = sketch.counts
    unknown = share_unknown(shingles, counts)
    if sketch.prompts >= FIRST:
        weight = max(_WEIGHT_OF_ONE, 1.0 / (sketch.prompts - FIRST + 1))
        off = unknown - sketch.usual
        sketch.usual += off * weight
        sketch.spread += (abs(off) - sketch.spread) * weight if sketch.prompts > FIRST else 0.0
    sketch.prompts += 1
    for shingle in shingles:
        count = counts[shingle]
        if count == 0:
            sketch.filled += 1
        if count < _MOST_OFTEN:
            counts[shingle] = count + 1
    if sketch.filled > _FULL:
        sketch.counts = counts.translate(_HALVED)
        sketch.filled = SLOTS - sketch.counts.count(0)
