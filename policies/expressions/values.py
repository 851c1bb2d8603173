"""Computes an expression for given values; every input has a result.

Products and quotients stay within +-HIGHEST, a number divided by nothing is 0, and `round` goes to the even
neighbour. Given numbers must be finite; then no result is infinite or not a number.
"""

from collections.abc import Callable, Sequence
from operator import eq, ge, gt, le, lt, ne
from typing import Any, TypeAlias

from policies.expressions.tree import (
    Arithmetic,
    Called,
    Choice,
    Compared,
    Joined,
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

HIGHEST = 1e12
Given: TypeAlias = Sequence[Any]
Computed: TypeAlias = Callable[[Given], Any]
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}


def product(left: float, right: float) -> float:
    """Gives the product, held within the range."""
    value = left * right
    return value if -HIGHEST <= value <= HIGHEST else HIGHEST if value > 0 else -HIGHEST


def quotient(left: float, right: float) -> float:
    """Gives the quotient, held within the range; 0 where there is nothing to divide by."""
    if right == 0:
        return 0.0
    value = left / right
    return value if -HIGHEST <= value <= HIGHEST else HIGHEST if value > 0 else -HIGHEST


def value_of(node: Node) -> Computed:
    """Gives the function that computes a tree."""
    match node:
        case Number(value) | Word(value) | Names(value):
            return lambda given: value
        case Variable(_, slot):
            return lambda given: given[slot]
        case Arithmetic(sign, left, right):
            return _arithmetic(sign, value_of(left), value_of(right))
        case Joined(left, right) | Same(left, right):
            return _of_two(node, value_of(left), value_of(right))
        case Negative(of):
            negated = value_of(of)
            return lambda given: -negated(given)
        case Called(function, arguments):
            return _called(function, [value_of(each) for each in arguments])
        case Compared(sign, left, right):
            holds, less, more = COMPARISONS[sign], value_of(left), value_of(right)
            return lambda given: holds(less(given), more(given))
        case Linked(link, left, right):
            one, other = value_of(left), value_of(right)
            if link == "and":
                return lambda given: one(given) and other(given)
            return lambda given: one(given) or other(given)
        case Not(of):
            condition = value_of(of)
            return lambda given: not condition(given)
        case Choice(then, condition_of, otherwise):
            chosen, asked, left_over = value_of(then), value_of(condition_of), value_of(otherwise)
            return lambda given: chosen(given) if asked(given) else left_over(given)


def _arithmetic(sign: str, left: Computed, right: Computed) -> Computed:
    if sign == "+":
        return lambda given: left(given) + right(given)
    if sign == "-":
        return lambda given: left(given) - right(given)
    if sign == "*":
        return lambda given: product(left(given), right(given))
    return lambda given: quotient(left(given), right(given))


def _of_two(node: Joined | Same, left: Computed, right: Computed) -> Computed:
    if isinstance(node, Joined):
        return lambda given: left(given) | right(given)
    return lambda given: left(given) == right(given)


def _called(function: str, arguments: list[Computed]) -> Computed:
    if function == "round":
        only = arguments[0]
        return lambda given: float(round(only(given)))
    chosen = min if function == "min" else max
    if len(arguments) == 2:
        first, second = arguments
        return lambda given: chosen(first(given), second(given))
    return lambda given: chosen(each(given) for each in arguments)
