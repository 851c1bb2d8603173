"""Texts cut into pieces."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.simulator.pieces import pieces, stretched


@given(st.text(), st.one_of(st.none(), st.integers(1, 100)))
def test_no_character_is_lost(text, count):
    assert "".join(pieces(text, count)) == text


@given(st.text(min_size=1), st.integers(1, 100))
def test_there_are_as_many_pieces_as_asked_for_or_characters(text, count):
    assert len(pieces(text, count)) == min(count, len(text))


def test_a_text_is_repeated_until_it_has_words_enough():
    assert stretched("a b", 5) == "a b a b a b"
    assert stretched("a b", None) == "a b"
