"""The language of policy maps: small, checked when it is read, and total when it is asked."""

from policies.expressions.expression import Expression, parsed
from policies.expressions.parser import Vocabulary
from policies.expressions.tokens import ExpressionError
from policies.expressions.tree import CURRENT, Kind, X

__all__ = ["CURRENT", "Expression", "ExpressionError", "Kind", "Vocabulary", "X", "parsed"]
