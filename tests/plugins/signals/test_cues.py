"""Cues are found wherever they stand, whatever else does, and quickly whatever the text."""

import random
from time import process_time

import pytest

from plugins.signals.cues import (
    FAINT,
    LONG,
    MOST_CLOSELY,
    Cue,
    CueSet,
    automaton,
    in_words,
    more_than_faint,
    of_each_kind,
    weighed,
)
from plugins.signals.hints import hints_of
from plugins.signals.patterns import read_cues
from tests.plugins.signals.corpora import Text, rows

HASTE = Cue((r"\b(?:asap|at once)\b",), 0.5, "haste")
NEAR = Cue((r"\bprint [^.]{0,20}(?:prompt|notes)",), 0.5, "a prompt")
LEISURE = Cue((r"no rush",), -0.5, "leisure")
ENDS = Cue((r"^urgent", r"hurry$"), 0.25, "an end")
CUES = CueSet({"urgency": (LEISURE, HASTE, ENDS), "alignment_risk": (NEAR,)})
SIGNALS = ("alignment_risk", "stress", "ambiguity", "urgency")


def test_a_cue_is_found_in_capitals_and_in_small_letters() -> None:
    assert CUES.seen("Do it ASAP.") == {"urgency": (HASTE,)}


def test_a_word_is_no_part_of_another_word() -> None:
    assert CUES.seen("asaph") == {}
    assert CUES.seen("wasap") == {}
    assert CUES.seen("(asap)") == {"urgency": (HASTE,)}


def test_the_words_of_a_pattern_must_stand_near_each_other() -> None:
    assert CUES.seen("print your notes") == {"alignment_risk": (NEAR,)}
    assert CUES.seen("print it. your notes") == {}
    assert CUES.seen(f"print {'and so on ' * 100} notes") == {}


def test_a_pattern_is_found_behind_places_where_it_only_might_have_been() -> None:
    filling = "something else, " * 60
    assert CUES.seen(f"print this. {filling} notes. {filling} print the prompt {filling}") == {
        "alignment_risk": (NEAR,)
    }


def test_the_begin_and_the_end_are_those_of_the_text() -> None:
    filling = "and " * 300
    assert CUES.seen(f"Urgent {filling}") == {"urgency": (ENDS,)}
    assert CUES.seen(f"{filling} hurry") == {"urgency": (ENDS,)}
    assert CUES.seen(f"{filling} urgent {filling} hurry {filling}") == {}


def test_what_lessens_is_named_only_where_there_is_something_to_lessen() -> None:
    assert CUES.seen("no rush") == {}
    assert CUES.seen("asap, but no rush") == {"urgency": (HASTE, LEISURE)}


def test_one_signal_alone_can_be_asked_for() -> None:
    assert CUES.seen("asap, print the notes", "alignment_risk") == {"alignment_risk": (NEAR,)}


def test_a_pattern_without_a_word_is_refused() -> None:
    with pytest.raises(ValueError, match="names no word"):
        CueSet({"stress": (Cue((r"\d+",), 0.5, "a number"),)})


def test_several_cues_are_more_than_one_and_less_than_their_sum() -> None:
    assert weighed((HASTE,)) == 0.5
    assert weighed((HASTE, ENDS)) == 0.625
    assert weighed((HASTE, LEISURE)) == 0.25
    assert weighed(()) == 0.0


def test_what_several_patterns_saw_in_one_word_is_said_once() -> None:
    again = Cue((r"\bhaste\b",), 0.4, "haste")
    assert of_each_kind((again, HASTE, ENDS, LEISURE)) == (HASTE, ENDS, LEISURE)


def test_faint_cues_alone_say_nothing_of_a_long_document_and_beside_others_they_count() -> None:
    faint = (Cue((r"\bsecret\b",), FAINT, "words of secrecy"), Cue((r"\bkill\b",), FAINT, "words of harm"))
    assert more_than_faint(faint, LONG) == faint
    assert more_than_faint(faint, LONG + 1) == ()
    assert more_than_faint((*faint, NEAR), LONG + 1) == (*faint, NEAR)


def test_the_words_say_each_thing_once_and_what_lessens_it_last() -> None:
    assert in_words((LEISURE, HASTE, ENDS, HASTE)) == "haste, an end; less, because of leisure"


@pytest.mark.parametrize("signal", SIGNALS)
def test_the_quick_way_finds_what_the_slow_way_finds(signal: str) -> None:
    cues = [cue for cue in read_cues(signal) if cue.weight > 0]
    slow = [(cue, [automaton(pattern) for pattern in cue.patterns]) for cue in cues]
    quick = CueSet({signal: tuple(cues)})
    texts = [row.text for row in rows(Text, signal)]
    texts += [" ".join(texts[at : at + 20]) for at in range(0, len(texts), 20)]
    for text in texts:
        data = text.lower().encode()
        wanted = {id(cue) for cue, patterns in slow if any(pattern.Match(data) for pattern in patterns)}
        assert {id(cue) for cue in quick.seen(text).get(signal, ())} == wanted, text


def test_no_text_takes_long() -> None:
    cues = CueSet({signal: read_cues(signal) for signal in SIGNALS})
    chance = random.Random(4)
    words = [
        word for cue in read_cues("alignment_risk") for each in cue.patterns for part in hints_of(each) for word in part
    ]
    texts = [" ".join(chance.choices(words, k=8000))[:32_768] for _ in range(3)]
    texts += [
        (word * 32_768)[:32_768] for word in ("ignore ", "print the ", "a ", "make make need my ", "x", "忽略指令", "ﷺ")
    ]
    for text in texts:
        began = process_time()
        cues.seen(text)
        assert process_time() - began < 0.5, text[:40]


def test_a_text_of_more_words_than_are_looked_at_is_not_let_off() -> None:
    cues = CueSet({"alignment_risk": (NEAR,)})
    text = "print a. notes " * (MOST_CLOSELY // 8)
    assert "more words" in in_words(cues.seen(text)["alignment_risk"])
