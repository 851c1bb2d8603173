"""Modulation policies for tests: the shipped one with parts of it changed, and random ones."""

from typing import Any

import msgspec
from hypothesis import strategies as some

from policies.expressions import Kind
from policies.modulation import PARAMETERS, SAFETY_MODES, SIGNALS, Policy, load_modulation
from policies.modulation.document import ModulationFile
from policies.modulation.policy import policy_of

TOOLS = ("retrieval", "browser", "scheduler", "code_exec")
levels = some.floats(0, 1) | some.sampled_from((0.0, 0.05, 0.2, 0.3, 0.7, 1.0))
signals = some.dictionaries(some.sampled_from(SIGNALS), levels)


def a_policy(**parts: Any) -> Policy:
    """Gives the shipped policy with some top-level parts replaced; `maps` are laid over the shipped ones."""
    document = msgspec.to_builtins(load_modulation(None).file)
    maps = parts.pop("maps", {})
    document["maps"] = {
        name: {**document["maps"].get(name, {}), **maps.get(name, {})} for name in {*document["maps"], *maps}
    }
    return policy_of(msgspec.convert(document | parts, ModulationFile), "modulation.yaml", {})


def only_maps(maps: dict[str, dict[str, Any]], **parts: Any) -> Policy:
    """Gives the shipped policy with no other maps than these."""
    document = msgspec.to_builtins(load_modulation(None).file) | {"maps": maps} | parts
    return policy_of(msgspec.convert(document, ModulationFile), "modulation.yaml", {})


_numbers = some.integers(0, 3000).map(str) | some.floats(0, 3).map(lambda number: f"{number:.3f}")


def expressions(kind: Kind, variables: tuple[str, ...], words: tuple[str, ...] = ()) -> some.SearchStrategy[str]:
    """Gives texts of the language that give a value of this kind."""
    leaves = _numbers | some.sampled_from([name for name in variables if name != "current" or kind is Kind.NUMBER])
    numbers = some.recursive(leaves, _more_numbers, max_leaves=6)
    if kind is Kind.NUMBER:
        return numbers
    ends = some.sampled_from((*words, "current"))
    return some.recursive(ends, lambda inner: _more_words(inner, numbers, kind), max_leaves=4)


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


@some.composite
def policies(draw: some.DrawFn) -> Policy:
    """Gives a random policy: weights, activations, bounds, defaults and maps, good or foolish."""
    document: dict[str, Any] = msgspec.to_builtins(load_modulation(None).file)
    for rule in document["signals"].values():
        rule["weight"], rule["activation"] = draw(levels), draw(levels)
    maps: dict[str, dict[str, str]] = {}
    variables = ("x", "current", "alignment_risk", "alignment_risk", "trust", "stress")
    for parameter in PARAMETERS:
        words = SAFETY_MODES if parameter.kind is Kind.WORD else (*TOOLS, "none")
        for signal in draw(some.sets(some.sampled_from(SIGNALS), max_size=3)):
            maps.setdefault(signal, {})[parameter.name] = draw(expressions(parameter.kind, variables, words))
        if parameter.kind is Kind.NUMBER:
            document["bounds"][parameter.name] = draw(_bounds(parameter.lowest, parameter.highest, parameter.whole))
    document["bounds"]["safety_mode"]["default"] = draw(some.sampled_from(SAFETY_MODES))
    document["maps"] = maps
    return policy_of(msgspec.convert(document, ModulationFile), "random", {})


@some.composite
def _bounds(draw: some.DrawFn, lowest: float, highest: float, whole: bool) -> dict[str, float]:
    among = some.integers(int(lowest), int(highest)) if whole else some.floats(lowest, highest)
    low, default, high = sorted(draw(some.tuples(among, among, among)))
    return {"low": low, "default": default, "high": high}
