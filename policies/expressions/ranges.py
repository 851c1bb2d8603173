"""Computes what an expression can give while given values move within ranges.

This is how "never looser, whatever the policy" is kept: the tightest result over all levels up to the present one can
only become tighter when the level rises, since a wider range never gives a narrower one. Where a value stands in an
expression once, the range is exact; where it stands several times it may be wider than it need be.

A number's range is (lowest, highest), a condition's (may be false, may be true), a word's the words that it may be, a
list's (names that are surely in it, names that may be).
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

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
from policies.expressions.values import HIGHEST, product, quotient

GivenRanges: TypeAlias = Sequence[Any]
Range: TypeAlias = Callable[[GivenRanges], Any]
Numbers: TypeAlias = tuple[float, float]
Truths: TypeAlias = tuple[bool, bool]


def at(value: Any) -> Any:
    """Gives the range of a number, a word or names that do not move."""
    if isinstance(value, str):
        return frozenset((value,))
    return (value, value)


def hull(one: Any, other: Any) -> Any:
    """Gives the range that holds two of the same kind."""
    if isinstance(one, frozenset):
        return one | other
    (low, high), (other_low, other_high) = one, other
    if isinstance(low, frozenset):
        return low & other_low, high | other_high
    return low if low <= other_low else other_low, high if high >= other_high else other_high


def range_of(node: Node) -> Range:
    """Gives the function that computes the range of a tree."""
    match node:
        case Number(value) | Word(value) | Names(value):
            fixed = at(value)
            return lambda given: fixed
        case Variable(_, slot):
            return lambda given: given[slot]
        case Arithmetic(sign, left, right):
            compute = {"+": _sum, "-": _difference, "*": _product, "/": _quotient}[sign]
            return _of_two(compute, left, right)
        case Joined(left, right):
            return _of_two(_joined, left, right)
        case Same(left, right):
            return _of_two(_same, left, right)
        case Compared(sign, left, right):
            compare = {"<": _less, "<=": _at_most, ">": _more, ">=": _at_least, "==": _equal, "!=": _unequal}[sign]
            return _of_two(compare, left, right)
        case Linked(link, left, right):
            return _of_two(_both if link == "and" else _either, left, right)
        case Negative(of):
            return _of_one(_negative, of)
        case Not(of):
            return _of_one(_opposite, of)
        case Called("round", (only,)):
            return _of_one(_rounded, only)
        case Called(function, arguments):
            return _extreme(min if function == "min" else max, [range_of(each) for each in arguments])
        case Choice(then, condition, otherwise):
            return _choice(range_of(then), range_of(condition), range_of(otherwise))


def tightest(kind: Kind, found: Any, order: Sequence[str] = ()) -> Any:
    """Gives the tight end of a range: the lowest number, the word that stands first in `order`, the sure names."""
    if kind is Kind.WORD:
        return min(found, key=order.index)
    return found[0]


def _of_one(compute: Callable[[Any], Any], of: Node) -> Range:
    inner = range_of(of)
    return lambda given: compute(inner(given))


def _of_two(compute: Callable[[Any, Any], Any], left: Node, right: Node) -> Range:
    one, other = range_of(left), range_of(right)
    return lambda given: compute(one(given), other(given))


def _choice(then: Range, condition: Range, otherwise: Range) -> Range:
    def chosen(given: GivenRanges) -> Any:
        may_not, may = condition(given)
        if not may_not:
            return then(given)
        if not may:
            return otherwise(given)
        return hull(then(given), otherwise(given))

    return chosen


def _extreme(chosen: Callable[..., float], arguments: list[Range]) -> Range:
    def extreme(given: GivenRanges) -> Numbers:
        ranges = [each(given) for each in arguments]
        return chosen(low for low, _ in ranges), chosen(high for _, high in ranges)

    return extreme


def _negative(of: Numbers) -> Numbers:
    return -of[1], -of[0]


def _rounded(of: Numbers) -> Numbers:
    return float(round(of[0])), float(round(of[1]))


def _sum(left: Numbers, right: Numbers) -> Numbers:
    return left[0] + right[0], left[1] + right[1]


def _difference(left: Numbers, right: Numbers) -> Numbers:
    return left[0] - right[1], left[1] - right[0]


def _product(left: Numbers, right: Numbers) -> Numbers:
    ends = [product(one, other) for one in left for other in right]
    return min(ends), max(ends)


def _quotient(left: Numbers, right: Numbers) -> Numbers:
    if right[0] <= 0 <= right[1]:
        return -HIGHEST, HIGHEST
    ends = [quotient(one, other) for one in left for other in right]
    return min(ends), max(ends)


def _joined(left: Any, right: Any) -> Any:
    return left[0] | right[0], left[1] | right[1]


def _same(left: frozenset[str], right: frozenset[str]) -> Truths:
    return len(left) > 1 or left != right, bool(left & right)


def _less(left: Numbers, right: Numbers) -> Truths:
    return left[1] >= right[0], left[0] < right[1]


def _at_most(left: Numbers, right: Numbers) -> Truths:
    return left[1] > right[0], left[0] <= right[1]


def _more(left: Numbers, right: Numbers) -> Truths:
    return _less(right, left)


def _at_least(left: Numbers, right: Numbers) -> Truths:
    return _at_most(right, left)


def _equal(left: Numbers, right: Numbers) -> Truths:
    always = left[0] == left[1] == right[0] == right[1]
    return not always, left[0] <= right[1] and right[0] <= left[1]


def _unequal(left: Numbers, right: Numbers) -> Truths:
    return _opposite(_equal(left, right))


def _both(left: Truths, right: Truths) -> Truths:
    return left[0] or right[0], left[1] and right[1]


def _either(left: Truths, right: Truths) -> Truths:
    return left[0] and right[0], left[1] or right[1]


def _opposite(of: Truths) -> Truths:
    return of[1], of[0]
