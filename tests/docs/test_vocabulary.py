"""The vocabulary has the words of the house, each once."""

from collections import Counter

from tests.docs.blocks import ROOT
from tests.docs.tables import tables_of

WORDS = [
    word.strip()
    for _, rows in tables_of(ROOT / "docs" / "vocabulary.md")
    for row in rows[1:]
    for word in row[0].split(",")
]
OF_THE_HOUSE = (
    "exchange caller credential key alias tier signal nudge refusal error rule policy memory engine tool bundle "
    "incident upstream reply journal segment office"
)


def test_the_words_of_the_house_are_there() -> None:
    assert set(OF_THE_HOUSE.split()) - set(WORDS) == set()


def test_a_word_has_one_meaning() -> None:
    assert [word for word, count in Counter(WORDS).items() if count > 1] == []
