"""A range holds every value that an expression takes, and a narrower one never gives a wider one."""

from typing import Any

import pytest
from hypothesis import strategies as some

from policies.expressions import Kind, parsed
from policies.expressions.parser import tree_of
from policies.expressions.ranges import at, hull, tightest
from policies.expressions.tree import is_monotone
from tests.builders.cases import cases, holds
from tests.builders.modulation_policies import expressions, levels
from tests.policies.expressions.test_parser import MODES, NUMBERS, TOOLS

three = some.tuples(levels, levels, levels).map(sorted)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1 - 0.85 * x", (0.575, 1)),
        ("max(0.2, 1 - 0.8 * x)", (0.6, 1)),
        ("round(2 - x)", (2, 2)),
        ("1 / x", (-1e12, 1e12)),
        ("1 / (x + 1)", (1 / 1.5, 1)),
        ("0.1 if x > 0.4 else 0.9", (0.1, 0.9)),
        ("0.1 if x > 0.6 else 0.9", (0.9, 0.9)),
        ("0.1 if x >= 0 and not x > 0.7 else 0.9", (0.1, 0.1)),
        ("0.1 if x < 0.2 or trust == 0.75 else 0.9", (0.1, 0.1)),
        ("0.1 if x != 0.7 else 0.9", (0.1, 0.1)),
        ("x * (1 - x)", (0, 0.5)),
        ("-x", (-0.5, 0)),
    ],
)
def test_the_range_of_each_part(text: str, found: tuple[float, float]) -> None:
    assert parsed(text, NUMBERS).range(((0, 0.5), (0.25, 0.25), (0.75, 0.75))) == pytest.approx(found)


def test_the_range_of_words_and_lists() -> None:
    assert parsed("strict if x > 0.3 else balanced", MODES).range(((0, 0.5),)) == {"strict", "balanced"}
    assert parsed("retrieval if x > 0.3 else retrieval + 'trust'", TOOLS).range(((0, 0.5),)) == (
        {"retrieval"},
        {"retrieval", "trust"},
    )


def test_the_tight_end_is_the_lowest_the_strictest_and_what_is_surely_listed() -> None:
    assert tightest(Kind.NUMBER, (0.2, 0.4)) == 0.2
    assert tightest(Kind.WORD, frozenset(("creative", "balanced")), ("strict", "balanced", "creative")) == "balanced"
    assert tightest(Kind.NAMES, (frozenset("a"), frozenset("ab"))) == frozenset("a")


def test_a_hull_holds_both() -> None:
    assert hull((1, 2), (0, 1)) == (0, 2)
    assert hull(at("a"), at("b")) == {"a", "b"}
    assert hull(at(frozenset("ab")), at(frozenset("bc"))) == (frozenset("b"), frozenset("abc"))


@cases(150)
def test_every_value_lies_in_the_range_and_a_narrower_range_in_the_wider(cases: int) -> None:
    def claim(text: str, ends: list[float], trust: float) -> None:
        expression = parsed(text, NUMBERS)
        low, middle, high = ends
        still = (0.25, 0.25), (trust, trust)
        wide, narrow = expression.range(((low, high), *still)), expression.range(((low, middle), *still))
        assert wide[0] <= narrow[0] <= expression.value((middle, 0.25, trust)) <= narrow[1] <= wide[1]
        assert wide[0] <= expression.value((high, 0.25, trust)) <= wide[1]

    holds(claim, cases, expressions(Kind.NUMBER, ("x", "x", "current", "trust")), three, levels)


@cases(100)
def test_the_same_holds_for_words_and_lists(cases: int) -> None:
    def words(text: str, ends: list[float]) -> None:
        expression = parsed(text, MODES)
        low, middle, high = ends
        narrow, wide = (expression.range(((low, end), at("strict"), (0.5, 0.5))) for end in (middle, high))
        assert expression.value((middle, "strict", 0.5)) in narrow <= wide

    def names(text: str, ends: list[float]) -> None:
        expression = parsed(text, TOOLS)
        low, middle, high = ends
        own: Any = frozenset(("retrieval",))
        narrow, wide = (expression.range(((low, end), at(own))) for end in (middle, high))
        assert wide[0] <= narrow[0] <= expression.value((middle, own)) <= narrow[1] <= wide[1]

    holds(words, cases, expressions(Kind.WORD, ("x", "trust"), ("strict", "balanced")), three)
    holds(names, cases, expressions(Kind.NAMES, ("x",), ("retrieval", "'trust'", "none")), three)


@cases(150)
def test_what_is_called_monotone_goes_one_way(cases: int) -> None:
    def claim(text: str, xs: list[float]) -> None:
        if not is_monotone(tree_of(text, NUMBERS), "x"):
            return
        found = [parsed(text, NUMBERS).value((x, 0.25, 0.75)) for x in sorted(xs)]
        assert found in (sorted(found), sorted(found, reverse=True))

    holds(claim, cases, expressions(Kind.NUMBER, ("x", "current")), some.lists(levels, min_size=2, max_size=6))
