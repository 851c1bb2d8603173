"""The sum of learned weights: packed and unpacked it is what it would be alone."""

from math import exp, sqrt

import pytest

from plugins.signals.tokens import tokens_of
from plugins.signals.wording import BUCKETS, MOST, SIGNALS, STEP, Wording, features_of, read_learned, written

TOKENS = tokens_of("Is it urgent? It is urgent!")


def learned(weight: float, signal: str, offset: float = 0.0) -> Wording:
    rows = {name: [weight if name == signal else 0.0] * BUCKETS for name in SIGNALS}
    return Wording(written(rows, {name: offset if name == signal else 0.0 for name in SIGNALS}))


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("weight", [-8.0, -0.5, 0.0, 0.25, 7.9375])
def test_each_signal_has_its_own_sum(signal: str, weight: float) -> None:
    levels = learned(weight, signal).levels(TOKENS)
    expected = MOST / (1 + exp(-weight * sqrt(len(features_of(TOKENS)))))
    assert levels[signal] == pytest.approx(expected)
    assert all(level == pytest.approx(MOST / 2) for name, level in levels.items() if name != signal)


def test_the_offset_is_the_score_of_half() -> None:
    weight = 1.0
    score = weight * sqrt(len(features_of(TOKENS)))
    levels = learned(weight, "stress", round(score / STEP) * STEP).levels(TOKENS)
    assert levels["stress"] == pytest.approx(MOST / 2, abs=0.01)


def test_words_count_alone_and_with_the_one_before() -> None:
    assert set(features_of([b"a", b"b"])) != set(features_of([b"b", b"a"]))
    assert features_of([]) == features_of([])


def test_weights_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        Wording(b"abc")


def test_the_shipped_weights_tell_a_hurry_from_leisure() -> None:
    wording = Wording(read_learned())
    hurry = wording.levels(tokens_of("I need this right now, the train leaves in ten minutes!"))
    leisure = wording.levels(tokens_of("Which side dishes go with roast chicken?"))
    assert hurry["urgency"] > 0.2 > leisure["urgency"]
