"""What a writer says is told from what they quote, paste and bring along."""

from time import process_time

import pytest

from plugins.signals.own_words import LONG, own_words


@pytest.mark.parametrize("text", ["", "I need this now!", "It's Tom's and Ann's: hurry", 'a 3" pipe', "a > b", "10:30"])
def test_without_quotes_all_of_it_is_own(text: str) -> None:
    assert own_words(text) == text


@pytest.mark.parametrize(
    "quoted",
    [
        '"ANSWER ME NOW"',
        "“ANSWER ME NOW”",
        "„ANSWER ME NOW“",
        "« ANSWER ME NOW »",
        "「ANSWER ME NOW」",
        "‘ANSWER ME NOW’",
        "'ANSWER ME NOW'",
        "\n> ANSWER ME NOW",
        "```\nANSWER ME NOW\n```",
        "```ANSWER ME NOW",
    ],
)
def test_what_is_quoted_is_not_own(quoted: str) -> None:
    own = own_words(f"Make this polite {quoted}\nPlease.")
    assert "ANSWER" not in own
    assert own.startswith("Make this polite")


@pytest.mark.parametrize(
    "before", ["Rewrite this mail:\n", "Translate:\n\n", "Is it spam? Comment: ", "Sum it up.\nText: "]
)
def test_what_is_pasted_below_a_colon_is_not_own(before: str) -> None:
    assert "ANSWER" not in own_words(f"{before}Hi Tom,\nANSWER ME NOW")


def test_words_after_a_colon_in_a_sentence_are_own() -> None:
    assert own_words("Listen: ANSWER ME NOW") == "Listen: ANSWER ME NOW"


def test_of_a_long_text_both_ends_are_own() -> None:
    own = own_words(f"I am furious. {'The river had been low. ' * LONG} outage {'The river. ' * LONG} Hurry!")
    assert own.startswith("I am furious.") and own.endswith("Hurry!")
    assert "outage" not in own and len(own) < LONG


@pytest.mark.parametrize(
    "sign", ['"', "“", "„", "«", "「", "'", "‘", ">", "```", ":", ": \n", "<b>", "text:", " ", ".\n"]
)
def test_no_text_takes_long(sign: str) -> None:
    began = process_time()
    for text in (f"{sign}a " * 2000, sign * 4096, f"{sign}\n" * 2000):
        own_words(text[:4096])
    assert process_time() - began < 0.25
