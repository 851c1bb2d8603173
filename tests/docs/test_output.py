"""What a page says of an output is held against it line by line."""

from tests.docs.output import fits


def test_a_text_fits_itself() -> None:
    assert fits("one\ntwo\n", "one\ntwo")


def test_another_text_does_not_fit() -> None:
    assert not fits("one\ntwo\n", "one\nthree\n")


def test_a_line_too_many_or_too_few_does_not_fit() -> None:
    assert not fits("one\n", "one\ntwo\n")
    assert not fits("one\ntwo\n", "one\n")


def test_three_dots_stand_for_anything_in_their_line() -> None:
    assert fits("id: A-... (new)\n", "id: A-01a1 (new)\n")
    assert not fits("id: A-...\n", "id: A-\nmore\n")


def test_three_dots_alone_stand_for_any_lines() -> None:
    assert fits("one\n...\nfour\n", "one\ntwo\nthree\nfour\n")
    assert fits("one\n...\n", "one\n")


def test_signs_that_mean_something_to_a_pattern_mean_themselves() -> None:
    assert not fits("a.c\n", "abc\n")
