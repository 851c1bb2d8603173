"""What is said of a chain is compared with the chain that is there."""

import pytest

from storage.chain_events import Head
from storage.said_heads import Said, Stands, sentence, unmet


def said(lines: int, seal: str) -> Said:
    return Said(Head("worker-0", lines, seal), "is known")


def test_what_is_there_or_stood_in_a_gap_that_is_told_of_is_not_missed() -> None:
    stands = Stands({"a"}, 100, [(10, 20)])
    words = [said(50, "b"), said(5, "a"), said(11, "c"), said(20, "d"), said(10, "e"), said(21, "f")]
    assert [each.head.seal for each in unmet(words, stands)] == ["e", "f", "b"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (100, "has another line in the place of line 99 of the chain, which is known"),
        (101, "ends before line 100 of the chain, which is known"),
    ],
)
def test_a_line_is_said_to_be_cut_off_or_another_one(lines: int, says: str) -> None:
    assert sentence(said(lines, "b"), Stands(frozenset(), 100, ())) == says
