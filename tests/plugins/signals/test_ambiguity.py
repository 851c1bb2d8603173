"""Ambiguity: short turns that name nothing, and wishes that exclude each other."""

import pytest

from plugins.signals.ambiguity import LONGEST, ambiguity
from plugins.signals.cues import Cue
from plugins.signals.words import Words, read_words

AGAINST = Cue(("x",), 0.6, "wants two things that exclude each other")


@pytest.fixture(scope="module")
def words() -> Words:
    return read_words()


@pytest.mark.parametrize(
    "text", ["fix it", "And the other one?", "Mach das besser.", "これを直してください", "改一下这个"]
)
def test_a_short_turn_that_names_nothing_is_unclear(text: str, words: Words) -> None:
    assert ambiguity(text, False, (), 0.0, words).level >= 0.3


@pytest.mark.parametrize(
    "text",
    [
        "Capital of France?",
        "What is a mutex?",
        'Translate "invoice"',
        "15% of 2480",
        "fix it: x = 1",
        "Thanks!",
        "Sort a list of tuples in Haskell",
        "什么是闭包函数和作用域?",
        "",
        "...",
    ],
)
def test_a_short_turn_that_names_something_or_asks_for_nothing_is_clear(text: str, words: Words) -> None:
    assert ambiguity(text, False, (), 0.0, words).level < 0.2


def test_what_was_said_before_makes_it_clearer(words: Words) -> None:
    assert ambiguity("fix it", True, (), 0.0, words).level < 0.2 <= ambiguity("fix it", False, (), 0.0, words).level


def test_wishes_against_each_other_count_in_a_long_turn_too(words: Words) -> None:
    long = "a " * LONGEST
    assert ambiguity(long, True, (AGAINST,), 0.5, words).level == pytest.approx(0.6)
    assert ambiguity(long, True, (), 0.5, words).level == 0.0
