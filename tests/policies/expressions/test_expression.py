"""An expression has one canonical text for all its spellings, and says what it looks at."""

import pytest

from policies.expressions import parsed
from tests.policies.expressions.test_parser import MODES, NUMBERS, TOOLS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1-0.5*x", " 1.0 - (0.50 * x) "),
        ("1 if x > 0.5 else 2", "(1) if (x) > .5 else (2)"),
        ("min(x, 1)", "min( x , 1.0 )"),
    ],
)
def test_spellings_of_the_same_are_the_same(one: str, other: str) -> None:
    assert parsed(one, NUMBERS).canonical == parsed(other, NUMBERS).canonical


@pytest.mark.parametrize(("one", "other"), [("1 - x", "x - 1"), ("1 - 2 - x", "1 - (2 - x)"), ("-x", "x")])
def test_another_meaning_is_another_text(one: str, other: str) -> None:
    assert parsed(one, NUMBERS).canonical != parsed(other, NUMBERS).canonical


def test_words_and_lists_have_a_canonical_text_too() -> None:
    assert parsed("strict if current != 'strict' or not x > 0 else balanced", MODES).canonical == (
        "('strict' if ((not (current == 'strict')) or (not (x > 0.0))) else 'balanced')"
    )
    assert parsed("retrieval + none", TOOLS).canonical == "({retrieval} + {})"


def test_it_says_which_values_it_reads() -> None:
    assert parsed("min(x, -trust) if current > round(1) else 1", NUMBERS).reads == {"x", "trust", "current"}


@pytest.mark.parametrize(
    ("text", "monotone"),
    [
        ("1 - 0.85 * x", True),
        ("max(1, round(2 - x))", True),
        ("0.1 if x > 0.5 else 0.9", True),
        ("x - x", False),
        ("1 / (x - 0.5)", False),
        ("x / 2", True),
        ("0.1 if x == 0.5 else 0.9", False),
        ("0.5", False),
    ],
)
def test_it_says_whether_it_surely_goes_one_way(text: str, monotone: bool) -> None:
    assert parsed(text, NUMBERS).monotone is monotone
