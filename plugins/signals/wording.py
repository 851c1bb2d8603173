"""How much the wording of a text is like that of texts that were labelled with a signal: a sum of learned weights.

Patterns find what is said outright; how people write who are in a hurry, at their wits' end or up to something shows in
many small words. `python -m tests.plugins.signals.learn` makes the weights.

Features are words and pairs of words (pairs of signs where words are not divided by spaces), by their hash. The weights
of all signals stand in one whole number for each hash, so that one sum serves them all.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from math import exp, sqrt
from struct import Struct
from zlib import crc32

BUCKETS = 8192
SIGNALS = ("alignment_risk", "stress", "ambiguity", "urgency")
"""In the order in which their weights stand in the file."""
STEP = 1 / 16
"""What one step of a weight is worth."""
MOST = 0.6
"""The highest level that wording alone speaks for."""
_FIELD = 20
_MASK = (1 << _FIELD) - 1
_HEADER = Struct(f"<{len(SIGNALS)}h")
_MIDDLE = 128


def features_of(tokens: Sequence[bytes]) -> Sequence[int]:
    """Gives the buckets of the features of a text's words, as often as they are there."""
    words = [*tokens, b"\n"]
    alone = list(map(crc32, words))
    pairs = map(crc32, words, [1, *alone])
    return [code % BUCKETS for code in (*alone, *pairs)]


class Wording:
    """The learned weights. Made from the bytes of their file.

    For each signal the file has the score from which on a text is as likely as not, in steps, as two bytes; then for
    each signal one signed byte for each bucket, in steps. Errors: ValueError for another length.
    """

    def __init__(self, learned: bytes) -> None:
        if len(learned) != _HEADER.size + len(SIGNALS) * BUCKETS:
            raise ValueError(f"the learned weights are {len(learned)} bytes long")
        offsets = _HEADER.unpack_from(learned)
        # Of each signal where its field in the sum begins, and the score that is as likely as not.
        self._fields = tuple(
            (name, _FIELD * number, offset * STEP)
            for number, (name, offset) in enumerate(zip(SIGNALS, offsets, strict=True))
        )
        rows = [learned[at : at + BUCKETS] for at in range(_HEADER.size, len(learned), BUCKETS)]
        packed = [
            sum((row[bucket] ^ _MIDDLE) << (_FIELD * number) for number, row in enumerate(rows))
            for bucket in range(BUCKETS)
        ]
        # Most are the same; the same object for all of them stays in the processor's cache.
        shared = {each: each for each in packed}
        self._table = tuple(shared[each] for each in packed)

    def levels(self, tokens: Sequence[bytes]) -> Mapping[str, float]:
        """Gives for each signal the level that the words of a text speak for, at most `MOST`."""
        features = features_of(tokens)
        total = sum(map(self._table.__getitem__, features))
        middle, scale = _MIDDLE * len(features), STEP / sqrt(len(features))
        return {
            name: MOST / (1.0 + exp(offset - ((total >> field & _MASK) - middle) * scale))
            for name, field, offset in self._fields
        }


def written(weights: Mapping[str, Sequence[float]], offsets: Mapping[str, float]) -> bytes:
    """Gives the bytes of a file of weights, each rounded to a step and cut to what a byte holds."""
    header = _HEADER.pack(*(round(offsets[name] / STEP) for name in SIGNALS))
    return header + b"".join(bytes(_step(weight) & 0xFF for weight in weights[name]) for name in SIGNALS)


def _step(weight: float) -> int:
    return max(-_MIDDLE, min(_MIDDLE - 1, round(weight / STEP)))


def read_learned() -> bytes:
    """Gives the learned weights that the package brings."""
    return (files("plugins.signals") / "patterns" / "wording.bin").read_bytes()
