"""Says what two modulation policies say differently, and what they do differently for each signal alone."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from policies.modulation.decision import combined
from policies.modulation.parameters import PARAMETER_NAMES
from policies.modulation.policy import Policy
from policies.modulation.signals import SIGNALS

LEVELS = (0.25, 0.5, 0.75, 1.0)
LONGEST_SHOWN = 120
Place: TypeAlias = tuple[str, ...]


class Difference(msgspec.Struct, frozen=True):
    """One key that two policies fill differently; None for one that is not there."""

    place: str
    before: Any
    after: Any

    @property
    def sentence(self) -> str:
        """The difference in words."""
        if self.before is None:
            return f"{self.place} is new: {_shown(self.after)}."
        if self.after is None:
            return f"{self.place} is taken away; it was {_shown(self.before)}."
        if self.place == "models":
            return "models stand in another order."
        if isinstance(self.after, str) and self.place.endswith(".preamble") and len(self.after) > LONGEST_SHOWN:
            return f"{self.place} has other words."
        return f"{self.place} becomes {_shown(self.after)}; it was {_shown(self.before)}."


class Effect(msgspec.Struct, frozen=True):
    """What a signal alone makes of a parameter under two policies; None where it leaves it at rest."""

    signal: str
    level: float
    parameter: str
    before: Any
    after: Any


class Differences(msgspec.Struct, frozen=True):
    """All of it, with the revisions of the two."""

    before: str
    after: str
    differences: tuple[Difference, ...]
    effects: tuple[Effect, ...]


def differences_of(before: Policy, after: Policy) -> Differences:
    """Gives what the second policy says and does that the first does not."""
    return Differences(
        before.revision, after.revision, tuple(_differences(before, after)), tuple(_effects(before, after))
    )


def _differences(before: Policy, after: Policy) -> Iterator[Difference]:
    """Compares what the documents mean; an expression that is only spelled otherwise is no difference."""
    was, is_now = dict(_keys(before)), dict(_keys(after))
    for place in [*was, *(place for place in is_now if place not in was)]:
        (meant, one), (means, other) = was.get(place, (None, None)), is_now.get(place, (None, None))
        if meant != means:
            yield Difference(".".join(place), one, other)
    in_both = set(_patterns(before)) & set(_patterns(after))
    one, other = ([each for each in _patterns(policy) if each in in_both] for policy in (before, after))
    if one != other:
        yield Difference("models", one, other)


def _patterns(policy: Policy) -> list[str]:
    return [pattern for rule in policy.file.models for pattern in rule.models]


def _keys(policy: Policy) -> Iterator[tuple[Place, tuple[Any, Any]]]:
    """Gives each key of a document with what it means and what is written there; models stand by their patterns."""
    said: dict[str, Any] = msgspec.to_builtins(policy.file)
    for signal, maps in said.pop("maps").items():
        for name, written in maps.items():
            found = policy.lane(name).maps[SIGNALS.index(signal)]
            yield ("maps", signal, name), (None if found is None else found.text, written)
    for rule in said.pop("models"):
        patterns = rule.pop("models")
        taken = ", ".join(
            name if value is True else f"{name}: {_shown(value)}" for name, value in rule.items() if value
        )
        for pattern in patterns:
            yield ("models", pattern), (taken, taken)
    yield from _leaves(said, ())


def _leaves(value: Any, place: Place) -> Iterator[tuple[Place, tuple[Any, Any]]]:
    if not isinstance(value, dict):
        yield place, (value, value)
        return
    for key, inner in value.items():
        yield from _leaves(inner, (*place, key))


def _effects(before: Policy, after: Policy) -> Iterator[Effect]:
    for signal in SIGNALS:
        for level in LEVELS:
            was, is_now = combined(before, {signal: level}), combined(after, {signal: level})
            for name in PARAMETER_NAMES:
                one, other = was.of(name), is_now.of(name)
                values = (None if one is None else one.value, None if other is None else other.value)
                if values[0] != values[1]:
                    yield Effect(signal, level, name, *values)


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        text = ", ".join(map(_shown, value)) or "nothing"
    else:
        text = str(value).strip()
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
