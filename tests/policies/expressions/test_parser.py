"""The language takes what its page says and nothing else; every error has its column."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from policies.expressions import ExpressionError, Kind, Vocabulary, parsed

NUMBERS = Vocabulary(Kind.NUMBER, {"x": (0, Kind.NUMBER), "current": (1, Kind.NUMBER), "trust": (2, Kind.NUMBER)})
MODES = Vocabulary(
    Kind.WORD, {"x": (0, Kind.NUMBER), "current": (1, Kind.WORD), "trust": (2, Kind.NUMBER)}, ("strict", "balanced")
)
TOOLS = Vocabulary(Kind.NAMES, {"x": (0, Kind.NUMBER), "current": (1, Kind.NAMES)}, ("retrieval", "open-url", "trust"))
GIVEN = (0.5, 0.25, 0.75)


def value(text: str, vocabulary: Vocabulary = NUMBERS, given: Any = GIVEN) -> Any:
    return parsed(text, vocabulary).value(given)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1 - 0.5 * x", 0.75),
        ("(1 - 0.5) * x", 0.25),
        ("1 - 0.25 - 0.25", 0.5),
        ("8 / 2 / 2", 2),
        ("-x + 1", 0.5),
        ("--x", 0.5),
        ("2 * -x", -1),
        (".5", 0.5),
        ("min(x, current)", 0.25),
        ("max(x, current, trust)", 0.75),
        ("round(2.5)", 2),
        ("round(3.5)", 4),
        ("1 if x > 0.3 else 2", 1),
        ("1 if x > 0.6 else 2 if trust > 0.6 else 3", 2),
        ("1 if x < 0.3 or x > 0.4 and trust < 0.5 else 2", 2),
        ("1 if not x < 0.3 and not trust < 0.3 else 2", 1),
        ("1 if x == 0.5 and x != 0.6 and x >= 0.5 and x <= 0.5 else 2", 1),
        ("(1 if x > 0.3 else 2) + 1", 2),
        (" \t1\n+\r1 ", 2),
        ("current", 0.25),
    ],
)
def test_arithmetic_conditions_and_functions_mean_what_they_mean_in_python(text: str, result: float) -> None:
    assert value(text) == result


def test_words_of_the_enumeration_stand_for_themselves() -> None:
    assert value("strict if x > 0.3 else balanced", MODES) == "strict"
    assert value("current if current == strict else balanced", MODES, (0.5, "strict", 0)) == "strict"
    assert value("balanced if current != strict else strict", MODES, (0.5, "balanced", 0)) == "balanced"


def test_lists_are_written_with_plus_and_odd_names_in_quotes() -> None:
    assert value("retrieval + 'open-url'", TOOLS) == {"retrieval", "open-url"}
    assert value("none if x > 0.3 else retrieval", TOOLS) == frozenset()
    assert value("'trust'", TOOLS) == {"trust"}
    assert value("current + retrieval", TOOLS, (0.5, frozenset(("browser",)))) == {"browser", "retrieval"}


def test_a_list_may_hold_any_name_where_none_are_given() -> None:
    assert value("anything", Vocabulary(Kind.NAMES, {}, None)) == {"anything"}


HOSTILE = [
    ("__import__('os')", 1, "'__import__' cannot be called"),
    ("x.__class__", 2, "'.' is not of the language"),
    ("x[0]", 2, "'[' is not of the language"),
    ("{}", 1, "'{' is not of the language"),
    ("lambda: 1", 7, "':' is not of the language"),
    ("x := 1", 3, "':' is not of the language"),
    ("x; x", 2, "';' is not of the language"),
    ("9 ** 9 ** 9", 3, "there are no powers"),
    ("pow(9, 9)", 1, "'pow' cannot be called; functions: min, max, round"),
    ("eval('1')", 1, "'eval' cannot be called"),
    ("x()", 1, "'x' cannot be called"),
    ("5 // 2", 3, "there is no whole division"),
    ("5 % 2", 3, "'%' is not of the language"),
    ("1 << 9", 4, "a value is needed in the place of '<'"),
    ("~x", 1, "'~' is not of the language"),
    ("1e9", 2, "'e9' does not belong here"),
    ("0x10", 2, "'x10' does not belong here"),
    ("1_000", 2, "'_000' does not belong here"),
    ("9999999999", 1, "a number is at most 1000000000"),
    ("0.12345678901234567", 1, "in 16 characters"),
    ("٣", 1, "is not of the language"),
    ("ｘ", 1, "is not of the language"),
    ("x\u00a0+ 1", 2, "is not of the language"),
    ("x # comment", 3, "'#' is not of the language"),
    ("f'{x}'", 1, "unknown name 'f'"),
    ("'strict", 1, "is not of the language"),
    ("\0", 1, "is not of the language"),
    ("", 1, "a value is missing"),
    ("x +", 4, "a value is missing"),
    ("(x", 3, "a `)` is missing"),
    ("x)", 2, "')' does not belong here"),
    ("min(x", 6, "a `)` is missing"),
    ("min", 4, "needs its arguments in ( )"),
    ("min(x)", 1, "`min` takes two numbers or more"),
    ("round(x, 2)", 1, "`round` takes one number"),
    ("min(x,)", 7, "a value is needed in the place of ')'"),
    ("1 if x > 0.5", 13, "`if` needs an `else`"),
    ("1 if x else 2", 6, "a condition is needed here, and this is a number"),
    ("x > 0.5", 1, "a number is needed here, and this is a condition"),
    ("not x", 5, "a condition is needed here"),
    ("1 + (x > 0)", 5, "a number is needed here, and this is a condition"),
    ("0 < x < 1", 7, "compare two values at a time, and join with `and`"),
    ("else", 1, "a value is needed in the place of 'else'"),
    ("none", 1, "a value is needed in the place of 'none'"),
    ("x trust", 3, "'trust' does not belong here"),
    ("teir", 1, "unknown name 'teir'; known: current, trust, x."),
    ("1 - 0.5 * trsut", 11, "Did you mean 'trust'?"),
    ("strict", 1, "unknown name 'strict'"),
    ("'x'", 1, "unknown name 'x'"),
    ("(" * 30 + "x" + ")" * 30, 21, "nested more than 20 deep"),
    ("-" * 300 + "x", 21, "nested more than 20 deep"),
    ("not " * 60 + "x > 0", 81, "nested more than 20 deep"),
    ("1 if x > 0 else " * 30 + "2", 321, "nested more than 20 deep"),
    ("x" + "+x" * 99, 102, "more than 100 parts"),
    ("x" + " " * 500, 501, "longer than 500 characters"),
]


@pytest.mark.parametrize(("text", "column", "what"), HOSTILE, ids=lambda value: repr(value)[:24])
def test_what_is_not_of_the_language_is_refused_with_its_column(text: str, column: int, what: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        parsed(text, NUMBERS)
    assert (refused.value.column, what in refused.value.what) == (column, True), str(refused.value)


@pytest.mark.parametrize(
    ("text", "vocabulary", "what"),
    [
        ("strikt", MODES, "Did you mean 'strict'?"),
        ("1", MODES, "a word is needed here, and this is a number"),
        ("strict + balanced", MODES, "a number is needed here, and this is a word"),
        ("strict if current > balanced else strict", MODES, "a word cannot be compared with >"),
        ("current if x > 0.5 else 1", MODES, "a word is needed here"),
        ("retrieval - retrieval", TOOLS, "a number is needed here, and this is a list of names"),
        ("retrieval + 1", TOOLS, "a list of names is needed here, and this is a number"),
        ("retrieval if current == retrieval else none", TOOLS, "a list of names cannot be compared with =="),
        ("''", TOOLS, "unknown name ''"),
        ("browser", TOOLS, "unknown name 'browser'"),
    ],
)
def test_words_and_lists_are_not_mixed_up(text: str, vocabulary: Vocabulary, what: str) -> None:
    with pytest.raises(ExpressionError, match=r"^column \d") as refused:
        parsed(text, vocabulary)
    assert what in refused.value.what


@given(some.text(alphabet="x01. +-*/()<>=!,'abcdefilmnorstu_\n", max_size=60) | some.text(max_size=40))
def test_any_text_is_an_expression_or_a_fault_with_its_column(text: str) -> None:
    try:
        expression = parsed(text, NUMBERS)
    except ExpressionError as error:
        assert 1 <= error.column <= len(text) + 1
    else:
        assert isinstance(expression.value(GIVEN), float | int)
