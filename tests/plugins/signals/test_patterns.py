"""The files of cues: lines are alternatives, words are whole, parts stand for what they name."""

import msgspec
import pytest
import re2

from plugins.signals.cues import Cue
from plugins.signals.patterns import cues_in, read_cues
from plugins.signals.words import read_words


def test_lines_are_patterns_and_words_are_whole() -> None:
    text = """
[parts]
fruit = '''
apples?
pears?
'''

[[cue]]
saw = "fruit"
weight = 0.5
words = '''
cherry
plum\\w*
'''
any = '''
ripe <fruit>
'''
"""
    assert cues_in(text) == (Cue((r"\b(?:cherry)\b", r"\b(?:plum\w*)\b", "ripe (?:apples?|pears?)"), 0.5, "fruit"),)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="colour"):
        cues_in('[[cue]]\nsaw = "a"\nweight = 0.5\ncolour = "red"\n')


@pytest.mark.parametrize("signal", ["alignment_risk", "stress", "ambiguity", "urgency"])
def test_every_shipped_pattern_is_one_and_has_a_weight_and_a_reason(signal: str) -> None:
    cues = read_cues(signal)
    assert len(cues) >= 5
    for cue in cues:
        assert -1 < cue.weight < 1 and cue.weight != 0
        assert cue.saw and cue.patterns
        for pattern in cue.patterns:
            assert "<" not in re2.compile(f"(?i){pattern}").pattern.replace("<|", "").replace("<!--", "").replace(
                "<<", ""
            ).replace("<\\|", ""), pattern


def test_words_that_name_nothing_are_known_in_several_languages() -> None:
    words = read_words()
    assert {"the", "das", "cela", "isso", "это"} <= words.nameless
    assert words.references < words.nameless
    assert b"the" in words.nameless_tokens
