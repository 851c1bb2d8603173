"""Decides what signals make of each parameter: pure, the same for any order of its inputs, and never raising.

Invariant A is kept here and in no policy: with `alignment_risk`, or with more of it, no parameter that has a tighter
direction comes out looser. The result is the tightest of all that the policy says for levels up to the present one,
which the range of an expression bounds; a wider range only makes it tighter.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from policies.expressions.ranges import at, tightest
from policies.expressions.tree import Kind
from policies.modulation.parameters import STRICT, shown, tighter_of
from policies.modulation.policy import Lane, Map, Policy
from policies.modulation.signals import SIGNALS, levels_in_order

RISK = 0
"""The place of `alignment_risk` among the signals."""
FEEDBACK = "feedback"


class Cap(msgspec.Struct, frozen=True):
    """Something beside the signals that holds a parameter at most at a value: a lock, a flag, the counter-signal."""

    parameter: str
    value: Any
    source: str
    because: str


class StyleDelta(msgspec.Struct, frozen=True):
    """What people's ratings move; `verbosity` from -0.2 (shorter) to 0.2 (longer)."""

    temperature: float = 0.0
    top_p: float = 0.0
    memory_write: float = 0.0
    verbosity: float = 0.0


class Settled(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One parameter that somebody decided: the value, who, and how it came about.

    `signal` is the signal, `feedback`, or the source of a cap; `level`, `weight` and `mapped` are those of the signal,
    None where it was none. `note` says what else had a part in it.
    """

    parameter: str
    value: Any
    default: Any
    signal: str
    level: float | None = None
    weight: float | None = None
    mapped: Any = None
    note: str = ""

    @property
    def because(self) -> str:
        """The whole of it as a sentence."""
        if self.level is None:
            return self.note
        because = f"{self.signal} at {self.level:.3g} leads to {_text(self.mapped)}"
        if self.weight != 1 and isinstance(self.mapped, int | float):
            because += f", {self.weight:g} of the way from {_text(self.default)}"
        return f"{because}; {self.note}" if self.note else because


class Combined(msgspec.Struct, frozen=True, gc=False):
    """What was decided before anybody looks at a request: the safety mode and each parameter that is not at rest."""

    safety_mode: str
    settled: tuple[Settled, ...] = ()

    def of(self, parameter: str) -> Settled | None:
        """Gives what was decided for a parameter, None where nobody decided."""
        return next((each for each in self.settled if each.parameter == parameter), None)


class _Found(NamedTuple):
    """What the signals below a place of the precedence gave; `span` is its range where one is asked for."""

    signal: int
    mapped: Any
    value: Any
    span: Any


class _Levels(NamedTuple):
    """The levels, which of them act, and their ranges where `alignment_risk` moves up to its level."""

    levels: tuple[float, ...]
    active: tuple[int, ...]
    spans: tuple[Any, ...]


FEEDBACK_BOUNDS: Mapping[str, tuple[float, float]] = {
    "temperature": (-0.1, 0.1),
    "top_p": (-0.1, 0.1),
    "memory_write": (0.0, 0.2),
}
"""How far feedback may move a parameter. What is not named here it never moves."""


def combined(
    policy: Policy, signals: Mapping[str, float], caps: Sequence[Cap] = (), feedback: StyleDelta | None = None
) -> Combined:
    """Gives what signals, caps and feedback make of each parameter."""
    if not signals and not caps and feedback is None:
        return Combined(policy.default_mode)
    levels = levels_in_order(signals)
    active = tuple(
        number
        for number, (level, activation) in enumerate(zip(levels, policy.activations, strict=True))
        if level >= activation and level > 0
    )
    if not active and not caps and feedback is None:
        return Combined(policy.default_mode)
    now = _Levels(levels, active, tuple((level, level) for level in levels))
    settled = []
    mode = policy.default_mode
    for lane in policy.lanes:
        found = _settled(policy, lane, now)
        if feedback is not None:
            found = _moved(lane, found, feedback)
        if caps:
            found = _capped(lane, found, caps)
        if found is not None:
            settled.append(found)
            if lane.parameter.name == "safety_mode":
                mode = found.value
    return Combined(mode, tuple(settled))


def _settled(policy: Policy, lane: Lane, now: _Levels) -> Settled | None:
    """Gives what the signals decide for one parameter."""
    if lane.mapped_by.isdisjoint(now.active):
        return None
    risk = now.levels[RISK]
    moving = risk > 0 and lane.parameter.tightens
    own = lane.maps[RISK] if now.active[0] == RISK else None
    if own is not None and not moving and not own.reads_current:
        return _said(policy, lane, now, _of_risk(policy, lane, now, own, None))
    below = _others(policy, lane, now, 0, ranged=moving and lane.risk_in_others)
    if own is None:
        return None if below is None else _said(policy, lane, now, below, _tight_end(lane, below))
    found = _of_risk(policy, lane, now, own, below)
    return _held_by_risk(policy, lane, now, own, found, below) if moving else _said(policy, lane, now, found)


def _of_risk(policy: Policy, lane: Lane, now: _Levels, own: Map, below: _Found | None) -> _Found:
    current = lane.default if below is None else below.value
    mapped = own.value((now.levels[RISK], current, *now.levels))
    return _Found(RISK, mapped, _weighted(policy, lane, RISK, own.reads_current, current, mapped), None)


def _held_by_risk(
    policy: Policy, lane: Lane, now: _Levels, own: Map, found: _Found, below: _Found | None
) -> Settled | None:
    """Gives the tighter of what `alignment_risk` and the others lead to; nothing where it would only loosen."""
    tight = found.value
    if not own.tightens:
        span = _span_of_risk(policy, lane, now, own, below)
        if span is None:
            return None
        tight = tightest(lane.parameter.kind, span, lane.parameter.words)
    if below is None and lane.parameter.kind is Kind.NAMES:
        return _said(policy, lane, now, found, tight)
    others = lane.default if below is None else _tight_end(lane, below)
    result = tighter_of(lane.parameter, tight, others)
    if result == tight:
        return _said(policy, lane, now, found, result)
    if below is None:
        return None
    if result == others:
        return _said(policy, lane, now, below, others, "alignment_risk would have loosened it")
    return _said(policy, lane, now, found, result, f"with what {SIGNALS[below.signal]} leaves")


def _others(policy: Policy, lane: Lane, now: _Levels, start: int, *, ranged: bool) -> _Found | None:
    """Gives what the first signal from a place of the precedence on decides, `alignment_risk` left out."""
    for place in range(start, len(now.active)):
        number = now.active[place]
        found = lane.maps[number]
        if number == RISK or found is None:
            continue
        below = _others(policy, lane, now, place + 1, ranged=ranged) if found.reads_current else None
        current = lane.default if below is None else below.value
        level = now.levels[number]
        mapped = found.value((level, current, *now.levels))
        if not ranged:
            if found.reads_current and mapped == current:
                return below
            return _Found(number, mapped, _weighted(policy, lane, number, found.reads_current, current, mapped), None)
        spans = [*now.spans]
        spans[RISK] = (0.0, now.levels[RISK])
        around = at(lane.default) if below is None else below.span
        span = found.range(((level, level), around, *spans))
        if found.reads_current and below is None and span == around:
            return None
        span = _weighted_span(policy, lane, number, found.reads_current, around, span)
        return _Found(number, mapped, _weighted(policy, lane, number, found.reads_current, current, mapped), span)
    return None


def _span_of_risk(policy: Policy, lane: Lane, now: _Levels, own: Map, below: _Found | None) -> Any:
    """Gives the range of what `alignment_risk` itself leads to, for all its levels from where it acts up to its own.

    None where that is what stands there without it.
    """
    risk = now.levels[RISK]
    moved = (min(policy.activations[RISK], risk), risk)
    around = at(lane.default) if below is None else at(below.value) if below.span is None else below.span
    span = own.range((moved, around, moved, *now.spans[1:]))
    if own.reads_current and below is None and span == around:
        return None
    return _weighted_span(policy, lane, RISK, own.reads_current, around, span)


def _weighted(policy: Policy, lane: Lane, number: int, reads_current: bool, current: Any, mapped: Any) -> Any:
    """Moves a number from the default, or from `current` where the map speaks of it, towards what the map says."""
    if lane.parameter.kind is not Kind.NUMBER:
        return mapped
    weight = policy.weights[number]
    return lane.held((1 - weight) * (current if reads_current else lane.default) + weight * mapped)


def _weighted_span(policy: Policy, lane: Lane, number: int, reads_current: bool, current: Any, span: Any) -> Any:
    if lane.parameter.kind is not Kind.NUMBER:
        return span
    low, high = current if reads_current else (lane.default, lane.default)
    weight = policy.weights[number]
    return lane.held((1 - weight) * low + weight * span[0]), lane.held((1 - weight) * high + weight * span[1])


def _tight_end(lane: Lane, found: _Found) -> Any:
    return found.value if found.span is None else tightest(lane.parameter.kind, found.span, lane.parameter.words)


def _said(policy: Policy, lane: Lane, now: _Levels, found: _Found, tight: Any = None, note: str = "") -> Settled:
    number = found.signal
    value = found.value if tight is None else tight
    if not note and value != found.value:
        note = "as tight as at any lower alignment_risk"
    default, mapped = lane.default, found.mapped
    if value.__class__ is frozenset:
        value, default, mapped = shown(value), shown(default), shown(mapped)
    return Settled(
        lane.parameter.name, value, default, SIGNALS[number], now.levels[number], policy.weights[number], mapped, note
    )


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return " and ".join(value) or "none"
    return value if isinstance(value, str) else f"{value:.6g}"


def _moved(lane: Lane, found: Settled | None, feedback: StyleDelta) -> Settled | None:
    """Moves a parameter by what ratings say, within the bounds of both."""
    bounds = FEEDBACK_BOUNDS.get(lane.parameter.name)
    if bounds is None:
        return found
    delta: float = getattr(feedback, lane.parameter.name)
    delta = bounds[0] if delta < bounds[0] else bounds[1] if delta > bounds[1] else delta
    if delta == 0 or delta != delta:
        return found
    note = f"feedback moves it by {delta:+.3g}"
    if found is None:
        return Settled(lane.parameter.name, lane.held(lane.default + delta), lane.default, FEEDBACK, note=note)
    note = f"{found.note}; {note}" if found.note else note
    return msgspec.structs.replace(found, value=lane.held(found.value + delta), note=note)


def _capped(lane: Lane, found: Settled | None, caps: Sequence[Cap]) -> Settled | None:
    """Holds a parameter at most at what the caps say; of caps that say the same, the first by name is named."""
    for cap in sorted((each for each in caps if each.parameter == lane.parameter.name), key=_named):
        value = frozenset(cap.value) if lane.parameter.kind is Kind.NAMES else lane.held(cap.value)
        before = found if found is None or lane.parameter.kind is not Kind.NAMES else frozenset(found.value)
        if found is not None:
            now = found.value if before is found else before
            value = tighter_of(lane.parameter, value, now)
            if value == now:
                continue
        found = Settled(lane.parameter.name, shown(value), shown(lane.default), cap.source, note=cap.because)
    return found


def _named(cap: Cap) -> tuple[str, str]:
    return cap.source, cap.because


def strict_cap(source: str, because: str) -> Cap:
    """Gives the cap that makes an exchange strict."""
    return Cap("safety_mode", STRICT, source, because)
