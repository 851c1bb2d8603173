"""Cuts a text into the pieces that a stream sends."""

import re
from itertools import pairwise

WORDS = re.compile(r"\s*\S+|\s+")


def pieces(text: str, count: int | None) -> list[str]:
    """The text in `count` pieces, or word by word; a text with fewer characters gives fewer pieces."""
    if count is None:
        return WORDS.findall(text)
    units: list[str] | str = WORDS.findall(text)
    if len(units) < count:
        units = text
    count = min(count, len(units))
    borders = [len(units) * place // count for place in range(count + 1)] if count else []
    return ["".join(units[start:end]) for start, end in pairwise(borders)]


def stretched(text: str, count: int | None) -> str:
    """The text, repeated until it has enough words for `count` pieces."""
    if count is None:
        return text
    words = len(WORDS.findall(text)) or 1
    return " ".join([text] * -(-count // words))
