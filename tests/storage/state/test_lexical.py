from hypothesis import given
from hypothesis import strategies as st

from storage.state.lexical import Hit, marks_of, passages_of, scores_of, words_of

KEY, OTHER = b"k" * 32, b"o" * 32


def test_words_are_found_in_any_case_and_by_their_beginning() -> None:
    assert words_of("Refunds, REFUND and Straße!") == ["refund", "refund", "and", "strass"]


def test_marks_say_nothing_to_whoever_has_another_key() -> None:
    marks = marks_of("secret words, secret", KEY)
    assert sorted(marks.values()) == [1, 2]
    assert not set(marks) & set(marks_of("secret words", OTHER))
    assert not any(b"secret" in mark for mark in marks)


@given(st.text(max_size=4000), st.integers(min_value=4, max_value=300))
def test_passages_hold_all_words_and_none_is_too_long(text: str, most: int) -> None:
    passages = passages_of(text, most)
    assert all(0 < len(passage) <= most for passage in passages)
    assert "".join("".join(passages).split()) == "".join(text.split())


def test_passages_end_with_paragraphs_where_they_can() -> None:
    assert passages_of("one two three\n\nfour five six", 20) == ["one two three", "four five six"]


def test_what_is_rare_and_stands_often_in_little_text_counts_most() -> None:
    rare = [Hit(b"rare", "a", 0, 1, 100)]
    common = [Hit(b"common", name, 0, 1, 100) for name in "abcdefgh"]
    scores = scores_of([*rare, *common], 8, 100.0)
    assert max(scores, key=lambda place: scores[place]) == ("a", 0)
    short, long = Hit(b"x", "short", 0, 1, 10), Hit(b"x", "long", 0, 1, 1000)
    scores = scores_of([short, long], 10, 100.0)
    assert scores["short", 0] > scores["long", 0]
