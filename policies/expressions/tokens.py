"""Takes the text of an expression apart, and says at which column something stands that the language does not know."""

import re
from typing import Literal, NamedTuple, TypeAlias

LONGEST_TEXT = 500
HIGHEST_NUMBER = 1_000_000_000
LONGEST_NUMBER = 16
Sort: TypeAlias = Literal["number", "name", "quoted", "sign", "end"]

_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|'(?P<quoted>[^'\r\n]*)'"
    r"|(?P<sign>\*\*|//|<=|>=|==|!=|[-+*/()<>,])",
    re.ASCII,
)
_ABSENT = {"**": "there are no powers", "//": "there is no whole division; write round(a / b)"}


class ExpressionError(ValueError):
    """An expression is not of the language: what is wrong, and at which column of its text (from 1)."""

    def __init__(self, what: str, column: int) -> None:
        super().__init__(f"column {column}: {what}")
        self.what = what
        self.column = column


class Token(NamedTuple):
    """One word, number or sign; `column` counts from 1."""

    sort: Sort
    text: str
    column: int


def tokens_of(text: str) -> list[Token]:
    """Gives the tokens of a text, and one that says that it ends. Errors: ExpressionError."""
    if len(text) > LONGEST_TEXT:
        raise ExpressionError(f"longer than {LONGEST_TEXT} characters", LONGEST_TEXT + 1)
    found = []
    at = _after_space(text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(f"{text[at]!r} is not of the language", at + 1)
        found.append(_token(match, at + 1))
        at = _after_space(text, match.end())
    return [*found, Token("end", "", len(text) + 1)]


def _token(match: re.Match[str], column: int) -> Token:
    for sort in ("number", "name", "quoted", "sign"):
        text = match[sort]
        if text is not None:
            if sort == "number" and (len(text) > LONGEST_NUMBER or float(text) > HIGHEST_NUMBER):
                raise ExpressionError(f"a number is at most {HIGHEST_NUMBER}, in {LONGEST_NUMBER} characters", column)
            if text in _ABSENT:
                raise ExpressionError(_ABSENT[text], column)
            return Token(sort, text, column)
    raise AssertionError("every token has a sort")


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
