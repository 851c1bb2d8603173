"""Makes a nudge of a decision: the changes that make it true, each with its reason and what led to it."""

from collections.abc import Mapping
from typing import Any, cast

from gateway import Change, Exchange, Nudge, SafetyMode, Set, instructed
from plugins.modulation.client import LIMITS
from policies.modulation import Decision, ModelRule, Policy, Sent
from policies.modulation.homeostasis import Regulated
from policies.modulation.parameters import is_looser
from policies.modulation.signals import SIGNALS

USUAL_MODE = "balanced"
"""What an exchange goes on under where nobody says otherwise."""
_LIMITS = frozenset(("planner_beam", "retrieval_k"))
"""What is heeded here and not by the model."""
_TEXTS = ("messages", "input", "instructions")


def nudge_of(exchange: Exchange, endpoint: str, policy: Policy, decision: Decision, now: Regulated) -> Nudge | None:
    """Gives what is to be done, and what acted where that is not what was found; None where there is nothing to say."""
    changes: list[Change] = []
    reasons: list[str] = []
    sources: list[str] = []
    rule = policy.models.rule(exchange.request.model) if decision.sent else None
    if rule is not None:
        for sent in decision.sent:
            made = _changes(exchange, endpoint, sent, rule, decision.safety_mode)
            changes += made
            reasons += [sent.settled.because] * len(made)
            sources += [sent.settled.signal] * len(made)
    mode = decision.of("safety_mode")
    says_mode = decision.safety_mode != USUAL_MODE or _tightens(exchange, decision)
    if says_mode:
        reasons.append(mode.because if mode is not None else "the policy says so of all exchanges")
        sources.append(mode.signal if mode is not None else "policy")
    tools = decision.of("tool_allowlist")
    if tools is not None:
        reasons.append(tools.because)
        sources.append(tools.signal)
    limits = [each for each in decision.settled if each.parameter in _LIMITS]
    levels = _others_than_found(policy, now.levels, exchange.signals) if now.levels != exchange.signals else {}
    damped = _damped(policy, now, exchange.signals) if now.damped else ()
    if not reasons and not levels and not damped and not limits:
        return None
    return Nudge(
        tuple(changes),
        ", ".join(dict.fromkeys((*sources, *(each.signal for each in limits)))),
        reasons=tuple(reasons),
        safety_mode=cast("SafetyMode", decision.safety_mode) if says_mode else None,
        allowed_tools=None if tools is None else tools.value,
        sources=tuple(sources),
        levels=levels,
        damped=damped,
        limits={each.parameter: each.value for each in limits},
    )


def _tightens(exchange: Exchange, decision: Decision) -> bool:
    """Whether a later step of a loop is to be tighter than the exchange is by now."""
    return exchange.step > 1 and is_looser(exchange.safety_mode, decision.safety_mode)


def _others_than_found(policy: Policy, acting: Mapping[str, float], found: Mapping[str, float]) -> dict[str, float]:
    """Gives the levels that act and are not those of the exchange; what is below its activation does nothing."""
    levels = {}
    for name, activation in zip(SIGNALS, policy.activations, strict=True):
        acts, was = acting.get(name, 0.0), found.get(name, 0.0)
        if acts != was and max(acts, was) >= activation:
            levels[name] = acts
    return levels


def _damped(policy: Policy, now: Regulated, found: Mapping[str, float]) -> tuple[str, ...]:
    activations = dict(zip(SIGNALS, policy.activations, strict=True))
    return tuple(
        f"{each.name}: {each.because}"
        for each in now.damped
        if max(each.level, found.get(each.name, 0.0)) >= activations[each.name]
    )


def _changes(exchange: Exchange, endpoint: str, sent: Sent, rule: ModelRule, mode: str) -> tuple[Change, ...]:
    body = exchange.request.json
    if sent.what == "preamble":
        return () if _was_said(exchange, mode) else instructed(exchange, sent.value, rule.preamble)
    if sent.what == "max_output_tokens":
        fields = LIMITS[endpoint]
        set_by_client = [name for name in fields if body.get(name) is not None]
        if not set_by_client:
            return (Set((rule.limit if endpoint == "chat.completions" else fields[0],), sent.value),)
        return tuple(Set((name,), sent.value) for name in set_by_client if _is_above(body[name], sent.value))
    if endpoint == "responses" and sent.what == "reasoning_effort":
        return (_nested(body, "reasoning", "effort", sent.value),)
    if endpoint == "responses" and sent.what == "verbosity":
        return (_nested(body, "text", "verbosity", sent.value),)
    return (Set((sent.what,), sent.value),)


def _was_said(exchange: Exchange, mode: str) -> bool:
    """Whether an earlier step of a loop has put the words of a safety mode into the request."""
    return exchange.step > 1 and any(
        step.answer.applied and step.answer.safety_mode == mode and any(_is_text(each) for each in step.answer.changes)
        for step in exchange.trail[exchange.shaped_from :]
        if step.hook == "shape" and isinstance(step.answer, Nudge)
    )


def _is_text(change: Change) -> bool:
    return change.path[0] in _TEXTS if change.path else False


def _is_above(value: Any, limit: float) -> bool:
    return value.__class__ not in (int, float) or value > limit


def _nested(body: Mapping[str, Any], outer: str, name: str, value: Any) -> Set:
    return Set((outer, name), value) if isinstance(body.get(outer), dict) else Set((outer,), {name: value})
