"""A pattern that matches has a word of each of its hints."""

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from plugins.signals.hints import hints_of, literals_of
from plugins.signals.patterns import read_cues
from tests.plugins.signals.corpora import Text, rows

SIGNALS = ("alignment_risk", "stress", "ambiguity", "urgency")


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("urgent", [{"urgent"}]),
        (r"\b(?:fed up|furious)\b", [{"fed up", "furious"}]),
        (r"rules?", [{"rule", "rules"}]),
        (r"polic(?:y|ies)", [{"policy", "policies"}]),
        (r"can['’]t", [{"can't", "can’t"}]),
        (r"print [^.]{0,9}(?:prompt|notes)", [{"print "}, {"prompt", "notes"}]),
        (r"hack\w*", [{"hack"}]),
        (r"(?:bomb){1,2}", [{"bomb"}]),
        (r"(?-i:WHY)", [{"why"}]),
        (r"(?:the )?bomb", [{"bomb", "the bomb"}]),
        (r"\w+|bomb", []),
        (r"[abcdefgh]", []),
        (r"x*", []),
        (r"3\.5", [{"3.5"}]),
    ],
)
def test_hints_are_the_words_without_which_nothing_matches(pattern: str, parts: list[set[str]]) -> None:
    assert [set(part) for part in hints_of(pattern)] == parts


def test_a_part_of_common_words_is_no_hint_where_another_is_rarer() -> None:
    assert hints_of(r"(?:the|your) \w+ detonators?") == (frozenset((" detonator", " detonators")),)


def test_a_pattern_that_cannot_be_read_says_from_where() -> None:
    with pytest.raises(ValueError, match=r"cannot be read from '\)b'"):
        hints_of("a)b")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"\b(?:asap|at once)\b", {"asap", "at once"}),
        (r"\b(?:hack(?:s|ed)?)\b", {"hack", "hacks", "hacked"}),
        (r"\b(?:hack\w*)\b", set()),
        (r"\b(?:a|b)\b|c", set()),
        (r"\b(?:été)\b", set()),
        ("asap", set()),
    ],
)
def test_a_pattern_of_whole_words_alone_is_those_words(pattern: str, words: set[str]) -> None:
    assert literals_of(pattern) == words


WORDS = st.sampled_from(["bomb", "rules", "print", "so", "a"])
PARTS = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda several: f"(?:{'|'.join(several)})"),
        st.lists(inner, min_size=1, max_size=3).map(" ".join),
        inner.map(lambda one: f"(?:{one})?"),
        inner.map(lambda one: f"(?:{one}){{1,2}}"),
        inner.map(lambda one: rf"{one}\w*"),
    ),
    max_leaves=6,
)


@given(PARTS, st.lists(WORDS, max_size=6).map(" ".join))
def test_whatever_matches_holds_a_word_of_each_part(pattern: str, text: str) -> None:
    if re2.search(pattern, text):
        assert all(any(word in text for word in part) for part in hints_of(pattern))


@pytest.mark.parametrize("signal", SIGNALS)
def test_the_shipped_patterns_match_nothing_without_their_hints(signal: str) -> None:
    texts = [row.text.lower() for row in rows(Text, signal)]
    found = 0
    for pattern in (pattern for cue in read_cues(signal) for pattern in cue.patterns):
        compiled, parts = re2.compile(f"(?i){pattern}"), hints_of(pattern)
        for text in texts:
            if compiled.search(text):
                found += 1
                assert all(any(word in text for word in part) for part in parts), (pattern, text)
    assert found > 20
