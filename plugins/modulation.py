"""Changes a request by its signals and the policy `modulation.yaml`; a calm request leaves byte for byte."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from gateway import Exchange, Nudge, Set, Signals, Startup, hookimpl, instructed
from policies.modulation import Client, Decision, ModelRule, Policy, Sent, decided, load_modulation
from policies.modulation.callers import Callers
from policies.modulation.homeostasis import Emission, Regulated, emission, regulated
from policies.modulation.signals import SIGNALS

Mode: TypeAlias = Literal["off", "shadow", "enforce"]
ASSUMED = "assumed"
"""The source of a level that no plugin found: `lukhas explain --signals` assumes some."""
MOST_UNFINISHED = 4096
_SAMPLING = frozenset(("temperature", "top_p", "n", "stop"))
_CHAT = _SAMPLING | {"max_output_tokens", "reasoning_effort", "verbosity", "preamble"}
_COMPLETIONS = _SAMPLING | {"best_of"}
_RESPONSES = _CHAT - {"n", "stop"}
_LIMITS = {
    "chat.completions": ("max_completion_tokens", "max_tokens"),
    "completions": ("max_tokens",),
    "responses": ("max_output_tokens",),
}
"""The fields for the most tokens; an endpoint that is not named here is left alone."""


def arrival(exchange: Exchange) -> int:
    """Gives the time of an exchange in ns: what is decided then follows from the exchange and the state alone."""
    return exchange.clock


class Modulated(msgspec.Struct, frozen=True):
    """What became of a request: the levels that act, the decision, and the nudge that makes it true, if any."""

    mode: Mode
    regulated: Regulated
    decision: Decision
    nudge: Nudge | None


class Modulation:
    """Asks the policy about each request, with the signals that homeostasis lets through."""

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`mode` instead of that of the gateway; a key's own mode goes before both."""

        mode: Mode | None = None

    def __init__(self, settings: Settings, clock: Callable[[Exchange], int] = arrival) -> None:
        self._mode: Mode = settings.mode or "shadow"
        self._own_mode = settings.mode
        self._clock = clock
        self._policy: Policy | None = None
        self._callers = Callers()
        self._regulated: dict[str, tuple[Mapping[str, float], Regulated]] = {}

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Reads the policy, and stops the start where it is wrong."""
        folder = startup.settings.policies.folder
        self._policy = load_modulation(Path(folder) if folder else None)
        self._mode = self._own_mode or startup.settings.mode
        self._callers = startup.homeostasis

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge | None:
        """Changes the request where the mode is to enforce."""
        found = self.modulated(exchange)
        return found.nudge if found is not None and found.mode == "enforce" else None

    @hookimpl
    def record(self, exchange: Exchange) -> None:
        """Forgets which signals acted on an exchange that has ended."""
        self._regulated.pop(exchange.id, None)

    def modulated(self, exchange: Exchange) -> Modulated | None:
        """Gives what the policy makes of a request, None where it is not asked; asking twice changes nothing."""
        policy, caller, body = self._policy, exchange.caller, exchange.request.json
        mode = (caller.mode if caller is not None else None) or self._mode
        if policy is None or mode == "off" or not isinstance(body, dict):
            return None
        endpoint = exchange.endpoint.name if exchange.endpoint is not None else ""
        if endpoint not in _LIMITS or exchange.received.method != b"POST":
            return None
        now = self._acting(policy, exchange)
        client = client_of(endpoint, body)
        decision = decided(policy, now.levels, exchange.request.model, client, now.caps)
        nudge = nudge_of(exchange, endpoint, decision, policy.models.rule(exchange.request.model))
        return Modulated(mode, now, decision, nudge)

    def _acting(self, policy: Policy, exchange: Exchange) -> Regulated:
        """Asks homeostasis once about the signals of an exchange, for however many targets they are asked about."""
        known = self._regulated.get(exchange.id)
        if known is not None and known[0] is exchange.signals:
            return known[1]
        principal = exchange.caller.principal if exchange.caller is not None else ""
        now_ms = self._clock(exchange) // 1_000_000
        state, found = regulated(policy, self._callers.state(principal), emissions_of(policy, exchange, now_ms), now_ms)
        self._callers.remember(principal, state)
        if len(self._regulated) >= MOST_UNFINISHED:
            self._regulated.clear()
        self._regulated[exchange.id] = exchange.signals, found
        return found


def emissions_of(policy: Policy, exchange: Exchange, now_ms: int) -> list[Emission]:
    """Gives who says what about an exchange: each level with the plugin that found it."""
    found: list[Emission] = []
    heard: dict[str, float] = {}
    for step in exchange.trail:
        if step.hook == "observe" and isinstance(step.answer, Signals) and step.fault is None and step.answer.applied:
            for name, level in step.answer.levels.items():
                if name in SIGNALS and isinstance(level, int | float) and level > 0:
                    found.append(emission(policy, name, level, step.plugin, now_ms, exchange.id))
                    heard[name] = max(heard.get(name, 0.0), level)
    for name, level in exchange.signals.items():
        if name in SIGNALS and level > heard.get(name, 0.0):
            found.append(emission(policy, name, level, ASSUMED, now_ms, exchange.id))
    return found


def client_of(endpoint: str, body: Mapping[str, Any]) -> Client:
    """Gives what a request sets, in the words of the policy, and what its endpoint takes."""
    given = {name: body.get(name) for name in ("temperature", "top_p", "n", "best_of", "stop")}
    limits = [limit for name in _LIMITS[endpoint] if (limit := body.get(name)).__class__ in (int, float)]
    given["max_output_tokens"] = max(limits) if limits else None
    if endpoint == "completions":
        # Without a limit this endpoint stops after 16 tokens, so that any limit would loosen.
        return Client(given, _COMPLETIONS | {"max_output_tokens"} if limits else _COMPLETIONS)
    if endpoint == "chat.completions":
        given["reasoning_effort"], given["verbosity"] = body.get("reasoning_effort"), body.get("verbosity")
        return Client(given, _CHAT)
    given["reasoning_effort"] = _inner(body, "reasoning", "effort")
    given["verbosity"] = _inner(body, "text", "verbosity")
    stored = body.get("prompt") is not None
    if stored and not isinstance(body.get("input"), list):
        return Client(given, _RESPONSES - {"preamble"}, unseen=True)
    return Client(given, _RESPONSES, unseen=stored)


def _inner(body: Mapping[str, Any], outer: str, name: str) -> Any:
    """Gives the member of a member; where that is no object there is no place for it, so that it counts as set."""
    value = body.get(outer)
    return value.get(name) if isinstance(value, dict) else value


def nudge_of(exchange: Exchange, endpoint: str, decision: Decision, rule: ModelRule | None) -> Nudge | None:
    """Gives the changes that make a decision true in the body of a request, None where there are none."""
    if rule is None or not decision.sent:
        return None
    changes: list[Any] = []
    because = []
    for sent in decision.sent:
        made = _changes(exchange, endpoint, sent, rule)
        if made:
            changes += made
            because.append(f"{sent.what}: {sent.settled.because}")
    return Nudge(tuple(changes), "; ".join(because)) if changes else None


def _changes(exchange: Exchange, endpoint: str, sent: Sent, rule: ModelRule) -> tuple[Any, ...]:
    body = exchange.request.json
    if sent.what == "preamble":
        return instructed(exchange, sent.value, rule.preamble)
    if sent.what == "max_output_tokens":
        fields = _LIMITS[endpoint]
        set_by_client = [name for name in fields if body.get(name) is not None]
        if not set_by_client:
            return (Set((rule.limit if endpoint == "chat.completions" else fields[0],), sent.value),)
        return tuple(Set((name,), sent.value) for name in set_by_client if _is_above(body[name], sent.value))
    if endpoint == "responses" and sent.what == "reasoning_effort":
        return (_nested(body, "reasoning", "effort", sent.value),)
    if endpoint == "responses" and sent.what == "verbosity":
        return (_nested(body, "text", "verbosity", sent.value),)
    return (Set((sent.what,), sent.value),)


def _is_above(value: Any, limit: float) -> bool:
    return value.__class__ in (int, float) and value > limit


def _nested(body: Mapping[str, Any], outer: str, name: str, value: Any) -> Set:
    return Set((outer, name), value) if isinstance(body.get(outer), dict) else Set((outer,), {name: value})
