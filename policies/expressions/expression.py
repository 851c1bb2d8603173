"""An expression that was read and checked: what it reads, what it gives, and what it can give."""

import msgspec

from policies.expressions.parser import Vocabulary, tree_of
from policies.expressions.ranges import Range, range_of
from policies.expressions.tree import X, canonical, is_monotone, variables_of
from policies.expressions.values import Computed, value_of


class Expression(msgspec.Struct, frozen=True):
    """`value` takes the given values in their places, `range` takes ranges; `reads` names the values it looks at.

    `canonical` is the same for all spellings. `monotone` says that it surely goes one way while `x` rises.
    """

    text: str
    canonical: str
    reads: frozenset[str]
    monotone: bool
    value: Computed
    range: Range


def parsed(text: str, vocabulary: Vocabulary) -> Expression:
    """Gives the expression in a text. Errors: ExpressionError."""
    tree = tree_of(text, vocabulary)
    return Expression(text, canonical(tree), variables_of(tree), is_monotone(tree, X), value_of(tree), range_of(tree))
