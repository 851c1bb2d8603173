"""Decides which signals may act: pure, with the state of one caller, the emissions and the clock as arguments.

It holds falling levels back and quiets sources that speak too often. It never lowers `alignment_risk` below what was
found now: a risk that was damped would loosen, and whoever wants that need only ask often.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from policies.modulation.decision import Cap
from policies.modulation.document import Caps, Stabilize
from policies.modulation.policy import Policy
from policies.modulation.signals import ALIGNMENT_RISK, SIGNALS, STRESS, checked_level

STABILIZE = "stabilize"
MOST_SOURCES = 64
"""Sources of one caller, each with its signal, whose emissions are counted; one more is damped."""


class Emission(msgspec.Struct, frozen=True, gc=False):
    """Somebody says that a signal stands at a level; times in ms of one clock. Made by `emission`.

    Without an `audit_id` it does not come from an exchange, and stays until its time is over.
    """

    name: str
    level: float
    ttl_ms: int
    source: str
    audit_id: str
    ts_ms: int


class Level(msgspec.Struct, frozen=True, gc=False):
    """A level that is held: since when, until when at most, and who said so."""

    level: float
    since_ms: int
    until_ms: int
    sources: tuple[str, ...]


class State(msgspec.Struct, frozen=True):
    """What is remembered of one caller: levels, when each source spoke of what, and the stress of the last exchanges.

    `levels` are what exchanges gave, `published` what came beside them.
    """

    levels: Mapping[str, Level] = {}
    published: Mapping[str, Level] = {}
    spoken_ms: Mapping[str, tuple[int, ...]] = {}
    stressed: int = 0
    stabilizing: bool = False


Reason: TypeAlias = Literal["cooldown", "budget", "expired"]


class Damped(msgspec.Struct, frozen=True):
    """An emission that does not act as it came, or a fall that waits (`level` is what acts instead)."""

    name: str
    source: str
    reason: Reason
    level: float
    because: str


class Regulated(msgspec.Struct, frozen=True):
    """The levels that act, which sources made each, what was damped and why, and the caps of the counter-signal."""

    levels: Mapping[str, float]
    damped: tuple[Damped, ...] = ()
    sources: Mapping[str, tuple[str, ...]] = {}
    caps: tuple[Cap, ...] = ()


NEW = State()


def emission(
    policy: Policy, name: str, level: float, source: str, now_ms: int, audit_id: str = "", ttl_ms: int | None = None
) -> Emission:
    """Gives an emission with its level clamped. Errors: SignalError, as `checked_level`."""
    level = checked_level(name, level)
    ttl = policy.rules[SIGNALS.index(name)].ttl_ms if ttl_ms is None else max(1, ttl_ms)
    return Emission(name, level, ttl, source, audit_id, now_ms)


def loudest(emissions: Sequence[Emission]) -> list[Emission]:
    """Gives the highest level that each source gave a signal: in a tool loop it speaks several times."""
    found: dict[tuple[str, str], Emission] = {}
    for each in emissions:
        key = each.name, each.source
        if key not in found or each.level > found[key].level:
            found[key] = each
    return list(found.values())


def regulated(policy: Policy, state: State, emissions: Sequence[Emission], now_ms: int) -> tuple[State, Regulated]:
    """Gives the state after an exchange with these emissions, and what may act; the order of emissions is nothing.

    Of a caller of whom nothing is remembered, levels that are too low to act leave nothing behind.
    """
    if state == NEW and not any(_acts(policy, each) for each in emissions):
        return state, Regulated({})
    damped: list[Damped] = []
    spoken, admitted = _within_budget(policy, state, emissions, now_ms, damped)
    of_exchange = [each for each in admitted if each.audit_id]
    beside = [each for each in admitted if not each.audit_id]
    levels = _held(policy, state.levels, of_exchange, now_ms, damped, silence_falls=True)
    published = _held(policy, state.published, beside, now_ms, damped, silence_falls=False)
    acting: dict[str, float] = {}
    sources: dict[str, tuple[str, ...]] = {}
    for table in (levels, published):
        for name, each in table.items():
            if each.level > acting.get(name, 0.0):
                acting[name], sources[name] = each.level, each.sources
            elif each.level == acting[name]:
                sources[name] = tuple(sorted({*sources[name], *each.sources}))
    found_now = (each.level for each in emissions if each.name == STRESS and not _is_over(each, now_ms))
    beside_now = published[STRESS].level if STRESS in published else 0.0
    own_stress = max([beside_now, *found_now])
    stressed, stabilizing = _stabilizing(policy.file.stabilize, state, own_stress, acting.get(STRESS, 0.0))
    caps = caps_of(policy.file.stabilize) if stabilizing else ()
    after = State(levels, published, spoken, stressed, stabilizing)
    return after, Regulated(acting, tuple(damped), sources, caps)


def _acts(policy: Policy, each: Emission) -> bool:
    return each.level > 0 and not each.level < policy.activations[SIGNALS.index(each.name)]


def _held(
    policy: Policy,
    before: Mapping[str, Level],
    admitted: list[Emission],
    now_ms: int,
    damped: list[Damped],
    *,
    silence_falls: bool,
) -> dict[str, Level]:
    """Gives the levels that stand now: a rise at once, a fall after the cooldown, nothing beyond its time.

    `silence_falls` says that a signal that nobody speaks for is at nothing: extractors look at every exchange.
    """
    levels: dict[str, Level] = {}
    said: dict[str, list[Emission]] = {}
    for each in admitted:
        said.setdefault(each.name, []).append(each)
    for name in said if not before else {**said, **before}:
        held = before.get(name)
        if held is not None and held.until_ms <= now_ms:
            held = None
        now = _highest(said[name], now_ms) if name in said else None
        if held is not None and (now is None or now.level < held.level):
            wait_ms = held.since_ms + policy.rules[SIGNALS.index(name)].cooldown_ms - now_ms
            if now is None and not silence_falls:
                now = held
            elif wait_ms > 0:
                damped.append(_waiting(name, held, now, wait_ms))
                now = held
        if now is not None and now.level > 0:
            levels[name] = now
    return levels


def _within_budget(
    policy: Policy, state: State, emissions: Sequence[Emission], now_ms: int, damped: list[Damped]
) -> tuple[dict[str, tuple[int, ...]], list[Emission]]:
    """Gives when each source spoke of what, and the emissions that are within its budget; a risk is always admitted."""
    budget = policy.file.budget
    since = now_ms - budget.window_ms
    spoken = {source: recent for source, times in state.spoken_ms.items() if (recent := _after(times, since))}
    admitted: list[Emission] = []
    for each in sorted(emissions, key=_order):
        if _is_over(each, now_ms):
            damped.append(Damped(each.name, each.source, "expired", 0.0, f"older than its {each.ttl_ms} ms"))
            continue
        # One source may speak of several signals in each exchange; that is not speaking often.
        speaker = f"{each.source} of {each.name}"
        times = spoken.get(speaker, ())
        if len(times) < budget.emissions and (times or len(spoken) < MOST_SOURCES):
            spoken[speaker] = (*times, now_ms)
            admitted.append(each)
            continue
        because = f"{each.source} spoke of it {len(times)} times in {budget.window_ms} ms"
        if each.name == ALIGNMENT_RISK:
            admitted.append(each)
            because += "; a risk acts all the same"
        level = each.level if each.name == ALIGNMENT_RISK else 0.0
        damped.append(Damped(each.name, each.source, "budget", level, because))
    return spoken, admitted


def _after(times: tuple[int, ...], since: int) -> tuple[int, ...]:
    return times if times and times[0] > since else tuple(time for time in times if time > since)


def _order(each: Emission) -> tuple[int, float, str, int, int, str]:
    """The highest precedence and level first, so that a budget is spent on what matters, in any order of arrival."""
    return SIGNALS.index(each.name), -each.level, each.source, each.ts_ms, -each.ttl_ms, each.audit_id


def _is_over(each: Emission, now_ms: int) -> bool:
    return each.ts_ms + each.ttl_ms <= now_ms


def _highest(said: list[Emission], now_ms: int) -> Level:
    """Gives the highest of what is said now, for as long as the one that lasts longest of those."""
    if len(said) == 1:
        only = said[0]
        return Level(only.level, now_ms, only.ts_ms + only.ttl_ms, (only.source,))
    level = max(each.level for each in said)
    top = [each for each in said if each.level == level]
    until_ms = max(each.ts_ms + each.ttl_ms for each in top)
    return Level(level, now_ms, until_ms, tuple(sorted({each.source for each in top})))


def _waiting(name: str, held: Level, now: Level | None, wait_ms: int) -> Damped:
    fallen = 0.0 if now is None else now.level
    because = f"its fall from {held.level:.3g} to {fallen:.3g} waits for another {wait_ms} ms"
    return Damped(name, ", ".join(held.sources), "cooldown", held.level, because)


def _stabilizing(rule: Stabilize, state: State, own: float, acting: float) -> tuple[int, bool]:
    """Counts exchanges with much stress of their `own` in a row, and says whether the counter-signal holds.

    A level whose fall waits is not counted again: one exchange with much stress is not three.
    """
    stressed = min(state.stressed + 1, rule.exchanges) if own > rule.above else 0
    if state.stabilizing:
        return stressed, max(own, acting) >= rule.below
    return stressed, stressed >= rule.exchanges


def caps_of(rule: Stabilize) -> tuple[Cap, ...]:
    """Gives the caps of the counter-signal."""
    because = f"stress was above {rule.above:g} for {rule.exchanges} exchanges, until it is below {rule.below:g}"
    return tuple(
        Cap(name, value, STABILIZE, because)
        for name in Caps.__struct_fields__
        if (value := getattr(rule.caps, name)) is not None
    )
