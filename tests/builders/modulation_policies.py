"""Modulation policies for tests: the shipped one with parts of it changed, and random ones."""

from random import Random
from typing import Any

import msgspec
from hypothesis import strategies as some

from policies.expressions import Kind
from policies.modulation import PARAMETERS, SAFETY_MODES, SIGNALS, Policy, load_modulation
from policies.modulation.document import ModulationFile
from policies.modulation.parameters import Parameter
from policies.modulation.policy import policy_of

_SHIPPED = load_modulation(None).file
TOOLS = ("retrieval", "browser", "scheduler", "code_exec")
levels = some.floats(0, 1) | some.sampled_from((0.0, 0.05, 0.2, 0.3, 0.7, 1.0))
signals = some.dictionaries(some.sampled_from(SIGNALS), levels)


def a_policy(**parts: Any) -> Policy:
    """Gives the shipped policy with some top-level parts replaced; `maps` are laid over the shipped ones."""
    document = msgspec.to_builtins(_SHIPPED)
    maps = parts.pop("maps", {})
    document["maps"] = {
        name: {**document["maps"].get(name, {}), **maps.get(name, {})} for name in {*document["maps"], *maps}
    }
    return policy_of(msgspec.convert(document | parts, ModulationFile), "modulation.yaml", {})


def only_maps(maps: dict[str, dict[str, Any]], **parts: Any) -> Policy:
    """Gives the shipped policy with no other maps than these."""
    document = msgspec.to_builtins(_SHIPPED) | {"maps": maps} | parts
    return policy_of(msgspec.convert(document, ModulationFile), "modulation.yaml", {})


_numbers = some.integers(0, 3000).map(str) | some.floats(0, 3).map(lambda number: f"{number:.3f}")


def expressions(kind: Kind, variables: tuple[str, ...], words: tuple[str, ...] = ()) -> some.SearchStrategy[str]:
    """Gives texts of the language that give a value of this kind."""
    leaves = _numbers | some.sampled_from([name for name in variables if name != "current" or kind is Kind.NUMBER])
    if kind is Kind.NUMBER:
        return some.recursive(leaves, _more_numbers, max_leaves=6)
    ends = some.sampled_from((*words, "current"))
    return some.recursive(ends, lambda inner: _more_words(inner, leaves, kind), max_leaves=4)


def _more_numbers(inner: some.SearchStrategy[str]) -> some.SearchStrategy[str]:
    return some.one_of(
        some.tuples(inner, some.sampled_from("+-*/"), inner).map(lambda parts: f"({' '.join(parts)})"),
        some.tuples(some.sampled_from(("min", "max")), inner, inner).map(lambda all: f"{all[0]}({all[1]}, {all[2]})"),
        inner.map(lambda one: f"round({one})"),
        inner.map(lambda one: f"-{one}"),
        some.tuples(inner, _conditions(inner), inner).map(lambda all: f"({all[0]} if {all[1]} else {all[2]})"),
    )


def _conditions(numbers: some.SearchStrategy[str]) -> some.SearchStrategy[str]:
    signs = some.sampled_from(("<", "<=", ">", ">=", "==", "!="))
    compared = some.tuples(numbers, signs, numbers).map(" ".join)
    linked = some.tuples(compared, some.sampled_from(("and", "or", "and not")), compared)
    return compared | linked.map(lambda all: f"({all[0]} {all[1].split()[0]} {all[1][3:]} ({all[2]}))")


def _more_words(
    inner: some.SearchStrategy[str], numbers: some.SearchStrategy[str], kind: Kind
) -> some.SearchStrategy[str]:
    chosen = some.tuples(inner, _conditions(numbers), inner).map(lambda all: f"({all[0]} if {all[1]} else {all[2]})")
    if kind is Kind.WORD:
        return chosen
    return chosen | some.tuples(inner, inner).map(" + ".join)


def policies() -> some.SearchStrategy[Policy]:
    """Gives random policies: weights, activations, bounds, defaults and maps, good or foolish.

    Each is made from one drawn number: drawn part by part, a policy would take a hundred times as long.
    """
    return some.integers(0, 1 << 32).map(lambda seed: _random_policy(Random(seed)))


def _random_policy(random: Random) -> Policy:
    document: dict[str, Any] = msgspec.to_builtins(_SHIPPED)
    for rule in document["signals"].values():
        rule["weight"], rule["activation"] = _random_level(random), _random_level(random)
    document["maps"] = {signal: {} for signal in SIGNALS}
    for parameter in PARAMETERS:
        for signal in random.sample(SIGNALS, random.choice((0, 1, 2, 3, 6))):
            document["maps"][signal][parameter.name] = _random_text(random, parameter.kind, parameter.kind)
        if parameter.kind is Kind.NUMBER:
            document["bounds"][parameter.name] = _random_bounds(random, parameter)
    document["bounds"]["safety_mode"]["default"] = random.choice(SAFETY_MODES)
    return policy_of(msgspec.convert(document, ModulationFile), "random", {})


def _random_level(random: Random) -> float:
    return random.choice((0.0, 0.05, 0.2, 0.5, 1.0, random.random()))


def _random_bounds(random: Random, parameter: Parameter) -> dict[str, float]:
    low, default, high = sorted(random.uniform(parameter.lowest, min(parameter.highest, 4096)) for _ in range(3))
    found = {"low": low, "default": default, "high": high}
    return {name: round(value) for name, value in found.items()} if parameter.whole else found


def _random_text(random: Random, result: Kind, kind: Kind, depth: int = 3) -> str:
    """Gives a text that gives a value of this kind, for a parameter of the kind of `result`.

    It looks at `alignment_risk` more often than chance would.
    """
    depth = random.randint(0, depth)

    def inner(of: Kind = kind) -> str:
        return _random_text(random, result, of, max(0, depth - 1))

    if kind is Kind.TRUTH:
        sign = random.choice(("<", "<=", ">", ">=", "==", "!="))
        compared = f"{inner(Kind.NUMBER)} {sign} {inner(Kind.NUMBER)}"
        return random.choice(
            (compared, compared, f"not ({compared})", f"({compared} and x > 0.3)", f"(x < 0.6 or {compared})")
        )
    if depth > 0 and random.random() < 0.4:
        return f"({inner()} if {inner(Kind.TRUTH)} else {inner()})"
    if kind is Kind.WORD:
        return random.choice((*SAFETY_MODES, "current"))
    if kind is Kind.NAMES:
        leaf = random.choice((*TOOLS, "none", "current"))
        return f"{leaf} + {inner()}" if depth > 0 and random.random() < 0.5 else leaf
    if depth > 0:
        return random.choice(
            (
                f"({inner()} {random.choice('+-*/')} {inner()})",
                f"{random.choice(('min', 'max'))}({inner()}, {inner()})",
                f"round({inner()})",
                f"-{inner()}",
            )
        )
    number = f"{random.choice((random.random(), random.randint(0, 3000))):.6f}"
    given = ("x", "x", "x", "alignment_risk", "trust", *(("current",) if result is Kind.NUMBER else ()))
    leaves: tuple[str, ...] = (*given, number, number, number)
    return random.choice(leaves)
