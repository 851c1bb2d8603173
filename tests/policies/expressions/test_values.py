"""Every expression has a result for every input: a finite number, a word of the enumeration, names of the list."""

from math import isfinite
from typing import Any

import pytest
from hypothesis import strategies as some

from policies.expressions import Kind, parsed
from policies.expressions.values import HIGHEST
from policies.modulation.parameters import SAFETY_MODES
from tests.builders.cases import cases, holds
from tests.builders.modulation_policies import TOOLS, expressions, levels
from tests.policies.expressions.test_parser import MODES, NUMBERS
from tests.policies.expressions.test_parser import TOOLS as A_LIST

VARIABLES = ("x", "current", "trust")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1 / 0", 0),
        ("1 / (x - x)", 0),
        ("0 / 0", 0),
        ("1000000000 * 1000000000", HIGHEST),
        ("-1000000000 * 1000000000", -HIGHEST),
        ("1000000000 * 1000000000 * 1000000000 - 1000000000 * 1000000000", 0),
        ("1 / 0.00000000000001 / 0.00000000000001", HIGHEST),
        ("round(1000000000 * 1000000000 * 7)", HIGHEST),
        ("0 * (1000000000 * 1000000000)", 0),
    ],
)
def test_what_python_would_not_compute_has_a_defined_result(text: str, result: float) -> None:
    assert parsed(text, NUMBERS).value((0.5, 0.5, 0.5)) == result


def test_the_deepest_and_longest_expressions_are_computed() -> None:
    assert parsed("(" * 19 + "x" + ")" * 19, NUMBERS).value((0.5, 0, 0)) == 0.5
    assert parsed("1" + "+1" * 49, NUMBERS).value((0, 0, 0)) == 50


@cases(150)
def test_no_input_makes_an_expression_raise(cases: int) -> None:
    def claim(text: str, x: float, current: float, trust: float) -> None:
        assert isfinite(parsed(text, NUMBERS).value((x, current, trust)))

    far = some.floats(-HIGHEST, HIGHEST)
    holds(claim, cases, expressions(Kind.NUMBER, VARIABLES), levels, far, levels)


@cases(80)
def test_words_and_lists_stay_within_their_own(cases: int) -> None:
    def mode(text: str, x: float) -> None:
        given: Any = (x, "strict", x)
        assert parsed(text, MODES).value(given) in MODES.words  # type: ignore[operator]

    def tools(text: str, x: float) -> None:
        assert parsed(text, A_LIST).value((x, frozenset(("retrieval",)))) <= {"retrieval", "trust"}

    assert set(SAFETY_MODES) > set(MODES.words or ()) and TOOLS
    holds(mode, cases, expressions(Kind.WORD, ("x", "trust"), ("strict", "balanced")), levels)
    holds(tools, cases, expressions(Kind.NAMES, ("x",), ("retrieval", "'trust'", "none")), levels)
