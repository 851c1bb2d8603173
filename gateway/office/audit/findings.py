"""Draws out of a record what stands in several places of it: signals, changes, decisions, what was degraded."""

from typing import Any

import msgspec

from gateway.office.audit.record import Change, Record, Signal, Step
from gateway.office.audit.units import value_of

# What a person needs to know of an answer that stopped or changed something.
DECISIONS = {
    "refusal": "refused",
    "cut": "cut the answer",
    "redact": "hid a part of the answer",
    "amendment": "changed the answer",
    "retry": "asked for another try",
    "route": "chose where to send it",
    "context": "reminded the model of something",
}


class Decision(msgspec.Struct, frozen=True):
    """One answer of a plugin that stopped or changed something, or its failure."""

    hook: str
    plugin: str
    says: str
    because: str
    grave: bool


def signals_of(record: Record) -> list[tuple[str, Signal]]:
    """Gives the signals, the strongest first, with source and reason where the trail has them."""
    found: dict[str, Signal] = {}
    for step in record.trail:
        for name, signal in _levels(step):
            if name not in found or signal.level > found[name].level:
                found[name] = signal
    for name, said in record.signals.items():
        known = found.get(name)
        given = said if isinstance(said, Signal) else Signal(said)
        found[name] = Signal(
            given.level,
            given.source or (known.source if known else None),
            given.because or (known.because if known else None),
        )
    return sorted(found.items(), key=lambda each: (-each[1].level, each[0]))


def changes_of(record: Record) -> list[Change]:
    """Gives the changes to the request: those that the record lists, else those of the trail's nudges."""
    if record.changes:
        return record.changes
    return [
        Change(
            _parameter(each),
            after=each.get("value"),
            because=_at(step.answer.get("reasons"), number) or _word(step.answer.get("because")),
            signal=_at(step.answer.get("sources"), number) or None,
            plugin=step.plugin,
            applied=step.answer.get("applied") is not False,
            hook=step.hook,
            kind=_word(each.get("type")) or "set",
        )
        for step in record.trail
        if step.answer is not None and step.answer.get("answer") == "nudge"
        for number, each in enumerate(_objects(step.answer.get("changes")))
    ]


def after_of(change: Change) -> str:
    """Gives what became of a parameter, in words."""
    if change.kind == "remove":
        return "removed"
    return f"{value_of(change.after)} put in" if change.kind == "insert" else value_of(change.after)


def decisions_of(record: Record) -> list[Decision]:
    """Gives what plugins decided, and where one broke, in the order of the exchange."""
    return [found for step in record.trail for found in (_decision(step),) if found is not None]


def refused_by(record: Record) -> str | None:
    """Gives the plugin that refused the exchange, None where the gateway did or nobody."""
    said = record.refusal.message if record.refusal is not None else None
    for step in record.trail:
        answer = step.answer or {}
        if answer.get("answer") == "refusal" and answer.get("message") == said:
            return step.plugin
    return None


def degraded_by(record: Record) -> list[str]:
    """Gives why the exchange got less than it should have."""
    said = record.degraded if isinstance(record.degraded, list) else []
    faults = {f"{step.plugin} broke in {step.hook} ({step.fault})": None for step in record.trail if step.fault}
    unknown = ["the record does not say why"] if record.degraded is True and not faults else []
    return [*said, *faults, *unknown]


def _decision(step: Step) -> Decision | None:
    if step.fault is not None:
        return Decision(step.hook, step.plugin, f"broke ({step.fault})", "its failure policy answered", grave=True)
    answer = step.answer or {}
    kind = _word(answer.get("answer"))
    if kind not in DECISIONS:
        return None
    because = _word(answer.get("because")) or _word(answer.get("message")) or _word(answer.get("source"))
    return Decision(step.hook, step.plugin, DECISIONS[kind], because, grave=kind in ("refusal", "cut"))


def _levels(step: Step) -> list[tuple[str, Signal]]:
    answer = step.answer or {}
    levels, because = answer.get("levels"), answer.get("because")
    if answer.get("answer") != "signals" or not isinstance(levels, dict):
        return []
    reasons = because if isinstance(because, dict) else {}
    return [
        (name, Signal(min(1.0, max(0.0, float(value))), step.plugin, _word(reasons.get(name)) or None))
        for name, value in levels.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and value == value
    ]


def _parameter(change: dict[str, Any]) -> str:
    path = change.get("path")
    return ".".join(map(str, path)) if isinstance(path, list) else "?"


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _at(values: Any, number: int) -> str:
    return _word(values[number]) if isinstance(values, list) and number < len(values) else ""


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""
