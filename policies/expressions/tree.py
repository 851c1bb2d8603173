"""The checked tree of an expression: what it says, without how it was written."""

from enum import Enum
from typing import Literal, TypeAlias

import msgspec

X = "x"
CURRENT = "current"


class Kind(Enum):
    """What a part of an expression gives."""

    NUMBER = "a number"
    TRUTH = "a condition"
    WORD = "a word"
    NAMES = "a list of names"


class _Node(msgspec.Struct, frozen=True):
    """What all parts have in common."""


class Number(_Node, frozen=True):
    """A number as it stands in the text."""

    value: float


class Variable(_Node, frozen=True):
    """A value that is given: `x`, a signal, or `current`; `slot` is its place among the given ones."""

    name: str
    slot: int


class Word(_Node, frozen=True):
    """A word of an enumeration."""

    text: str


class Names(_Node, frozen=True):
    """Names that stand in the text; none for the empty list."""

    names: frozenset[str]


class Arithmetic(_Node, frozen=True):
    """Two numbers as one."""

    sign: Literal["+", "-", "*", "/"]
    left: "Node"
    right: "Node"


class Joined(_Node, frozen=True):
    """The names of two lists."""

    left: "Node"
    right: "Node"


class Negative(_Node, frozen=True):
    """A number with the other sign."""

    of: "Node"


class Called(_Node, frozen=True):
    """One of the three functions."""

    function: Literal["min", "max", "round"]
    arguments: tuple["Node", ...]


class Compared(_Node, frozen=True):
    """Two numbers side by side."""

    sign: Literal["<", "<=", ">", ">=", "==", "!="]
    left: "Node"
    right: "Node"


class Same(_Node, frozen=True):
    """Whether two words are the same."""

    left: "Node"
    right: "Node"


class Linked(_Node, frozen=True):
    """Two conditions, both or one of which must hold."""

    link: Literal["and", "or"]
    left: "Node"
    right: "Node"


class Not(_Node, frozen=True):
    """The opposite of a condition."""

    of: "Node"


class Choice(_Node, frozen=True):
    """`then` where the condition holds, else `otherwise`."""

    then: "Node"
    condition: "Node"
    otherwise: "Node"


Node: TypeAlias = (
    Number | Variable | Word | Names | Arithmetic | Joined | Negative | Called | Compared | Same | Linked | Not | Choice
)


def parts_of(node: Node) -> tuple[Node, ...]:
    """Gives the parts directly below a node."""
    match node:
        case Number() | Variable() | Word() | Names():
            return ()
        case Negative(of) | Not(of):
            return (of,)
        case Called(_, arguments):
            return arguments
        case Choice(then, condition, otherwise):
            return (then, condition, otherwise)
        case Joined(left, right) | Same(left, right):
            return (left, right)
        case Arithmetic(_, left, right) | Compared(_, left, right) | Linked(_, left, right):
            return (left, right)


def variables_of(node: Node) -> frozenset[str]:
    """Gives the names of the given values that a tree reads."""
    own = frozenset((node.name,)) if isinstance(node, Variable) else frozenset[str]()
    return own.union(*map(variables_of, parts_of(node)))


def is_monotone(node: Node, name: str) -> bool:
    """Whether a tree surely goes one way only while one given value rises and the others stay.

    It does where the value stands in it once, is not divided by, and is not asked for equality: each part goes one
    way. False says nothing.
    """
    found = sum(1 for each in _all(node) if isinstance(each, Variable) and each.name == name)
    return found == 1 and not any(
        (isinstance(each, Arithmetic) and each.sign == "/" and name in variables_of(each.right))
        or (isinstance(each, Compared) and each.sign in ("==", "!=") and name in variables_of(each))
        for each in _all(node)
    )


def _all(node: Node) -> list[Node]:
    return [node, *(below for part in parts_of(node) for below in _all(part))]


def canonical(node: Node) -> str:
    """Gives a tree as text, the same for all spellings of it."""
    match node:
        case Number(value):
            return repr(value)
        case Variable(name):
            return name
        case Word(text):
            return f"'{text}'"
        case Names(names):
            return "{" + ", ".join(sorted(names)) + "}"
        case Negative(of):
            return f"(- {canonical(of)})"
        case Not(of):
            return f"(not {canonical(of)})"
        case Called(function, arguments):
            return f"{function}({', '.join(map(canonical, arguments))})"
        case Choice(then, condition, otherwise):
            return f"({canonical(then)} if {canonical(condition)} else {canonical(otherwise)})"
        case Joined(left, right):
            return f"({canonical(left)} + {canonical(right)})"
        case Same(left, right):
            return f"({canonical(left)} == {canonical(right)})"
        case Arithmetic(sign, left, right) | Compared(sign, left, right) | Linked(sign, left, right):
            return f"({canonical(left)} {sign} {canonical(right)})"
