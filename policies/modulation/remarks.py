"""Says what of a valid policy can never do anything, which is hardly ever meant."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

import msgspec

from policies.expressions import Kind
from policies.modulation.decision import combined
from policies.modulation.policy import Lane, Policy
from policies.modulation.signals import ALIGNMENT_RISK, SIGNALS

STEPS = 50


class Remark(msgspec.Struct, frozen=True):
    """A place of the document, and what is odd there."""

    place: str
    says: str


def remarks_on(policy: Policy) -> list[Remark]:
    """Gives what is odd about a policy, in the order of the document."""
    return [*_on_signals(policy), *_on_maps(policy), *_on_models(policy)]


def _on_signals(policy: Policy) -> Iterator[Remark]:
    for name, rule in zip(SIGNALS, policy.rules, strict=True):
        if rule.weight == 0:
            yield Remark(f"signals.{name}.weight", "0: what it maps numbers to has no effect.")


def _on_maps(policy: Policy) -> Iterator[Remark]:
    for number, name in enumerate(SIGNALS):
        for lane in policy.lanes:
            found = lane.maps[number]
            if found is None or policy.weights[number] == 0 or lane.parameter.kind is not Kind.NUMBER:
                continue
            place = f"maps.{name}.{lane.parameter.name}"
            values = _alone(policy, lane, name, policy.activations[number])
            if name == ALIGNMENT_RISK and not values:
                yield Remark(place, "never tighter than the default, so that it never acts by itself.")
            elif len(values) == 1 and "x" in found.text:
                yield Remark(place, f"{values.pop():g} at every level, within the bounds.")


def _alone(policy: Policy, lane: Lane, name: str, activation: float) -> set[float]:
    """Gives the values that a signal alone leads to, over all its levels."""
    levels = (activation + (1 - activation) * step / STEPS for step in range(STEPS + 1))
    settled = (combined(policy, {name: level}).of(lane.parameter.name) for level in levels)
    return {each.value for each in settled if each is not None}


def _on_models(policy: Policy) -> Iterator[Remark]:
    earlier: list[str] = []
    for number, rule in enumerate(policy.file.models):
        for pattern in rule.models:
            covering = next((each for each in earlier if fnmatchcase(pattern, each)), None)
            if covering is not None:
                yield Remark(f"models[{number}].models", f"{pattern!r} is never reached: {covering!r} comes first.")
        earlier += rule.models
