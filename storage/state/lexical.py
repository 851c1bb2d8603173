"""Finds texts by their words without keeping a word: what is kept of each is a mark that only the person's key gives.

With the key gone the marks say nothing, and the marks of one person are nobody else's.
"""

import hmac
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import msgspec

MARK_BYTES = 8
STEM_LETTERS = 6
"""Of a longer word the first letters count, so that `refunds` is found by `refund`."""
PASSAGE_CHARACTERS = 1200
_PURPOSE = b"lukhas words 1\n"
_WORD = re.compile(r"\w+")
_SATURATION = 1.2
_BY_LENGTH = 0.75


class Hit(msgspec.Struct, frozen=True):
    """A mark of the question in a passage: how often it stands there, and how many words the passage has."""

    mark: bytes
    document: str
    number: int
    times: int
    length: int


def words_of(text: str) -> list[str]:
    """Gives the words of a text, in small letters and cut to their stems."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return [word[:STEM_LETTERS] for word in _WORD.findall(plain)]


def marks_of(text: str, key: bytes) -> Counter[bytes]:
    """Gives the marks of the words of a text, with how often each stands there."""
    derived = hmac.digest(key, _PURPOSE, "sha256")
    counted = Counter(words_of(text))
    return Counter(
        {
            hmac.digest(derived, word.encode("utf-8", "replace"), "sha256")[:MARK_BYTES]: times
            for word, times in counted.items()
        }
    )


def scores_of(hits: Iterable[Hit], passages: int, mean_length: float) -> Mapping[tuple[str, int], float]:
    """Gives a score by document and number of the passage (BM25); `passages` are all that the person has."""
    by_mark: dict[bytes, list[Hit]] = defaultdict(list)
    for hit in hits:
        by_mark[hit.mark].append(hit)
    scores: dict[tuple[str, int], float] = defaultdict(float)
    for found in by_mark.values():
        rarity = math.log(1 + (passages - len(found) + 0.5) / (len(found) + 0.5))
        for hit in found:
            long = 1 - _BY_LENGTH + _BY_LENGTH * hit.length / max(mean_length, 1.0)
            scores[hit.document, hit.number] += (
                rarity * hit.times * (_SATURATION + 1) / (hit.times + _SATURATION * long)
            )
    return scores


def passages_of(text: str, most: int = PASSAGE_CHARACTERS) -> list[str]:
    """Cuts a text into passages of at most `most` characters, between paragraphs, lines or words where it can."""
    passages: list[str] = []
    rest = text.strip()
    while len(rest) > most:
        at = next((at for mark in ("\n\n", "\n", ". ", " ") if (at := _last(rest, mark, most)) > 0), most)
        passages.append(rest[:at].strip())
        rest = rest[at:].strip()
    return [passage for passage in (*passages, rest) if passage]


def _last(text: str, mark: str, most: int) -> int:
    """Gives where to cut behind the last such mark, 0 where that would leave a short passage."""
    at = text.rfind(mark, most // 2, most)
    return 0 if at < 0 else at + len(mark)
