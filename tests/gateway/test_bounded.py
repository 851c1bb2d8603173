"""Bounded values: no larger than asked for, of the same shape, and cut between words."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.bounded import DEEPEST, LONGEST_WORD, Room

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=30,
)


def bounded(value: Any, limit: int) -> tuple[Any, bool]:
    room = Room(limit)
    return room.value(value), room.cut


@settings(max_examples=100)
@given(VALUES)
def test_what_there_is_room_for_stays_as_it_is(value: Any) -> None:
    assert bounded(value, 1 << 20) == (value, False)


@settings(max_examples=100)
@given(VALUES, st.integers(0, 300))
def test_a_value_is_never_much_larger_than_asked_for_and_says_when_it_was_cut(value: Any, limit: int) -> None:
    kept, cut = bounded(value, limit)
    assert cut or kept == value
    # A member may be cut, and with it all that encloses it: each of those may say so.
    assert len(msgspec.json.encode(kept)) <= 8 * (limit + 40)


@pytest.mark.parametrize("limit", [0, 1, 20, 300])
def test_a_long_text_ends_with_a_whole_word_and_says_how_much_is_missing(limit: int) -> None:
    text = "one two three four " * 100
    kept, cut = bounded(text, limit)
    assert cut
    start, _, said = kept.rpartition("[")
    assert text.startswith(start.strip())
    assert start.strip().rpartition(" ")[2] in ("", "one", "two", "three", "four")
    assert said == f"{len(text) - len(start.rstrip())} more characters]"


@pytest.mark.parametrize("secret", ["ada.lovelace@example.com", "sk-abcdefghijklmnop", "4111 1111 1111 1111"])
def test_no_half_of_a_secret_stays_where_a_text_is_cut(secret: str) -> None:
    text = f"Write to {secret} and tell."
    for limit in range(len(text) + 20):
        kept, _ = bounded(text, limit)
        assert secret in kept or kept.startswith("[") or (kept.startswith("Write") and secret[:2] not in kept)


def test_a_text_of_another_script_is_cut_between_characters() -> None:
    kept, cut = bounded("海鷗知道寶藏在哪裡" * 10, 100)
    assert cut
    assert kept.startswith("海鷗知道寶藏在哪裡海鷗知道") and "�" not in kept


@pytest.mark.parametrize("text", ["A" * (LONGEST_WORD + 1), "data:image/png;base64," + "iVBORw0KGgo" * 1000])
def test_what_goes_on_without_a_space_is_no_text(text: str) -> None:
    assert bounded(text, 1 << 20) == (f"[{len(text)} characters without a space]", True)


def test_a_long_text_without_spaces_in_another_script_is_one() -> None:
    text = "海鷗" * LONGEST_WORD
    assert bounded(text, 1 << 20) == (text, False)


def test_an_array_of_numbers_ends_where_the_room_does() -> None:
    kept, cut = bounded([0.25] * 10_000, 800)
    assert cut and kept[-1] == f"[{10_000 - len(kept) + 1} more]" and len(kept) <= 101


def test_what_is_nested_too_deeply_is_left_out() -> None:
    value: Any = "deep"
    for _ in range(500):
        value = [value]
    kept, cut = bounded(value, 1 << 20)
    assert cut and json.dumps(kept) == "[" * DEEPEST + '"[nested too deeply]"' + "]" * DEEPEST
