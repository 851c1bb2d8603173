"""Reads the text of an expression into its checked tree.

A parser of our own and not a walk over Python's `ast`: the language is what stands here and does not grow with
Python; nesting is bounded before anything recurses; every error has its column in characters.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import msgspec

from policies.expressions.tokens import ExpressionError, Token, tokens_of
from policies.expressions.tree import (
    Arithmetic,
    Called,
    Choice,
    Compared,
    Joined,
    Kind,
    Linked,
    Names,
    Negative,
    Node,
    Not,
    Number,
    Same,
    Variable,
    Word,
)

DEEPEST = 20
MOST_NODES = 100
NOTHING = "none"
_FUNCTIONS = ("min", "max", "round")
_WORDS_OF_THE_LANGUAGE = frozenset(("if", "else", "and", "or", "not", NOTHING, *_FUNCTIONS))
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class Vocabulary(msgspec.Struct, frozen=True):
    """What an expression may speak of: the kind of its result, values that are given, and words.

    `variables` gives each given value its kind and its place. `words` are those of the enumeration, or the names
    that a list may hold; None lets a list hold any.
    """

    result: Kind
    variables: Mapping[str, tuple[int, Kind]]
    words: tuple[str, ...] | None = ()


class _Part(NamedTuple):
    node: Node
    kind: Kind
    column: int


def tree_of(text: str, vocabulary: Vocabulary) -> Node:
    """Gives the checked tree of a text. Errors: ExpressionError."""
    parser = _Parser(tokens_of(text), vocabulary)
    part = parser.expression()
    if parser.now.sort != "end":
        raise parser.fault(f"{parser.now.text!r} does not belong here")
    return parser.as_kind(part, vocabulary.result).node


class _Parser:
    """Goes through the tokens once; each method reads one level of precedence, the loosest first."""

    def __init__(self, tokens: list[Token], vocabulary: Vocabulary) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._nodes = 0
        self._vocabulary = vocabulary

    @property
    def now(self) -> Token:
        return self._tokens[self._at]

    def fault(self, what: str, column: int | None = None) -> ExpressionError:
        """Gives the error that says what is wrong here, or at a column."""
        return ExpressionError(what, self.now.column if column is None else column)

    def expression(self) -> _Part:
        self._enter()
        then = self._either()
        if self._takes("if"):
            condition = self.as_kind(self._either(), Kind.TRUTH)
            if not self._takes("else"):
                raise self.fault("`if` needs an `else`")
            otherwise = self.as_kind(self.expression(), then.kind)
            then = self._part(Choice(then.node, condition.node, otherwise.node), then.kind, then.column)
        self._depth -= 1
        return then

    def as_kind(self, part: _Part, kind: Kind) -> _Part:
        """Gives the part where it is of the kind. Errors: ExpressionError."""
        if part.kind is not kind:
            raise self.fault(f"{kind.value} is needed here, and this is {part.kind.value}", part.column)
        return part

    def _either(self) -> _Part:
        part = self._both()
        while self._takes("or"):
            part = self._linked("or", part, self._both())
        return part

    def _both(self) -> _Part:
        part = self._opposite()
        while self._takes("and"):
            part = self._linked("and", part, self._opposite())
        return part

    def _linked(self, link: Any, left: _Part, right: _Part) -> _Part:
        left, right = self.as_kind(left, Kind.TRUTH), self.as_kind(right, Kind.TRUTH)
        return self._part(Linked(link, left.node, right.node), Kind.TRUTH, left.column)

    def _opposite(self) -> _Part:
        column = self.now.column
        if not self._takes("not"):
            return self._comparison()
        self._enter()
        part = self.as_kind(self._opposite(), Kind.TRUTH)
        self._depth -= 1
        return self._part(Not(part.node), Kind.TRUTH, column)

    def _comparison(self) -> _Part:
        left = self._sum()
        sign: Any = self.now.text
        if self.now.sort != "sign" or sign not in _COMPARISONS:
            return left
        column = self._next().column
        right = self.as_kind(self._sum(), left.kind)
        if self.now.sort == "sign" and self.now.text in _COMPARISONS:
            raise self.fault("compare two values at a time, and join with `and`")
        if left.kind is Kind.NUMBER:
            return self._part(Compared(sign, left.node, right.node), Kind.TRUTH, left.column)
        if left.kind is not Kind.WORD or sign not in ("==", "!="):
            raise self.fault(f"{left.kind.value} cannot be compared with {sign}", column)
        same = self._part(Same(left.node, right.node), Kind.TRUTH, left.column)
        return same if sign == "==" else self._part(Not(same.node), Kind.TRUTH, left.column)

    def _sum(self) -> _Part:
        part = self._product()
        while (sign := self._sign("+", "-")) is not None:
            right = self._product()
            if part.kind is Kind.NAMES and sign == "+":
                node: Node = Joined(part.node, self.as_kind(right, Kind.NAMES).node)
            else:
                node = self._arithmetic(sign, part, right)
            part = self._part(node, part.kind, part.column)
        return part

    def _product(self) -> _Part:
        part = self._factor()
        while (sign := self._sign("*", "/")) is not None:
            part = self._part(self._arithmetic(sign, part, self._factor()), Kind.NUMBER, part.column)
        return part

    def _arithmetic(self, sign: Any, left: _Part, right: _Part) -> Node:
        return Arithmetic(sign, self.as_kind(left, Kind.NUMBER).node, self.as_kind(right, Kind.NUMBER).node)

    def _factor(self) -> _Part:
        column = self.now.column
        if self._sign("-") is None:
            return self._atom()
        self._enter()
        part = self.as_kind(self._factor(), Kind.NUMBER)
        self._depth -= 1
        return self._part(Negative(part.node), Kind.NUMBER, column)

    def _atom(self) -> _Part:
        token = self._next()
        if token.sort == "number":
            return self._part(Number(float(token.text)), Kind.NUMBER, token.column)
        if token.sort == "quoted":
            return self._word(token)
        if token.sort == "name":
            return self._named(token)
        if token.text == "(":
            part = self.expression()
            if self._sign(")") is None:
                raise self.fault("a `)` is missing")
            return _Part(part.node, part.kind, token.column)
        if token.sort == "end":
            raise self.fault("a value is missing", token.column)
        raise self.fault(f"a value is needed in the place of {token.text!r}", token.column)

    def _named(self, token: Token) -> _Part:
        if token.text in _FUNCTIONS:
            return self._called(token)
        if self.now.text == "(" and self.now.sort == "sign":
            raise self.fault(f"{token.text!r} cannot be called; functions: {', '.join(_FUNCTIONS)}", token.column)
        if token.text in self._vocabulary.variables:
            slot, kind = self._vocabulary.variables[token.text]
            return self._part(Variable(token.text, slot), kind, token.column)
        if token.text == NOTHING and self._vocabulary.result is Kind.NAMES:
            return self._part(Names(frozenset()), Kind.NAMES, token.column)
        if token.text in _WORDS_OF_THE_LANGUAGE:
            raise self.fault(f"a value is needed in the place of {token.text!r}", token.column)
        return self._word(token)

    def _word(self, token: Token) -> _Part:
        result, words = self._vocabulary.result, self._vocabulary.words
        if result is Kind.NAMES and token.text and (words is None or token.text in words):
            return self._part(Names(frozenset((token.text,))), Kind.NAMES, token.column)
        if result is Kind.WORD and words is not None and token.text in words:
            return self._part(Word(token.text), Kind.WORD, token.column)
        raise self.fault(_unknown(token.text, [*self._vocabulary.variables, *(words or ())]), token.column)

    def _called(self, token: Token) -> _Part:
        function: Any = token.text
        if self._sign("(") is None:
            raise self.fault(f"`{function}` needs its arguments in ( )")
        arguments = [self.as_kind(self.expression(), Kind.NUMBER).node]
        while self._sign(",") is not None:
            arguments.append(self.as_kind(self.expression(), Kind.NUMBER).node)
        if self._sign(")") is None:
            raise self.fault("a `)` is missing")
        if (function == "round") != (len(arguments) == 1):
            wanted = "one number" if function == "round" else "two numbers or more"
            raise self.fault(f"`{function}` takes {wanted}", token.column)
        return self._part(Called(function, tuple(arguments)), Kind.NUMBER, token.column)

    def _part(self, node: Node, kind: Kind, column: int) -> _Part:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise self.fault(f"more than {MOST_NODES} parts")
        return _Part(node, kind, column)

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self.fault(f"nested more than {DEEPEST} deep")

    def _next(self) -> Token:
        token = self.now
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _takes(self, word: str) -> bool:
        if self.now.sort != "name" or self.now.text != word:
            return False
        self._next()
        return True

    def _sign(self, *signs: str) -> str | None:
        return self._next().text if self.now.sort == "sign" and self.now.text in signs else None


def _unknown(name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    close = get_close_matches(name, known, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"unknown name {name!r}; known: {', '.join(known)}.{hint}"
