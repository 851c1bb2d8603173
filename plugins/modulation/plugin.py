"""The plugin `modulation`: asks the policy in force about each request, with the levels that homeostasis admits."""

from collections import OrderedDict
from collections.abc import Callable, Mapping

import msgspec

from gateway import (
    UNCHANGED,
    Exchange,
    Flags,
    LivePolicies,
    Nudge,
    SignalBus,
    Signals,
    Standing,
    Startup,
    hookimpl,
)
from plugins.modulation.caps import cap_of_loop, caps_of, caps_of_unread
from plugins.modulation.client import LIMITS, client_of
from plugins.modulation.modes import Mode, Modes
from plugins.modulation.nudging import USUAL_MODE, nudge_of
from policies.modulation import Cap, Decision, Policy, decided
from policies.modulation.callers import Callers
from policies.modulation.homeostasis import NEW, STABILIZE, Emission, Regulated, State, emission, loudest, regulated
from policies.modulation.parameters import STRICT, is_looser
from policies.modulation.signals import SIGNALS

ASSUMED = "assumed"
"""The source of a level that no plugin found."""
MOST_REMEMBERED = 1024
"""Exchanges whose levels are remembered, so that they are not heard again for another target of the route."""
STABILIZE_TTL_MS = 5000
"""For how long the counter-signal stands on the bus; it is published when it begins to hold for a caller."""
_NOTHING = Regulated({})


def arrival(exchange: Exchange) -> int:
    """Gives the time of an exchange in ns: what is decided then follows from the exchange and the state alone."""
    return exchange.clock


class Heard(msgspec.Struct, frozen=True):
    """What homeostasis made of the signals of an exchange, and the state of its caller before and after."""

    signals: Mapping[str, float]
    regulated: Regulated
    before: State
    after: State


class Modulated(msgspec.Struct, frozen=True):
    """What became of a request: the levels that act, the decision, and what is to be done, if anything."""

    mode: Mode
    regulated: Regulated
    decision: Decision
    nudge: Nudge | None


class Modulation:
    """Answers `shape` with what the policy makes of a request; in shadow it is recorded and not done."""

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`mode` instead of that of the gateway, `models` the modes by patterns of model names.

        A key's own mode goes before all; of the patterns the first that fits holds.
        """

        mode: Mode | None = None
        models: dict[str, Mode] = {}

    def __init__(self, settings: Settings, clock: Callable[[Exchange], int] = arrival) -> None:
        self._settings = settings
        self._modes = Modes(settings.models, settings.mode or "shadow")
        self._clock = clock
        self._policies: LivePolicies | None = None
        self._flags = Flags()
        self._standing: Callable[[str], Standing] | None = None
        self._callers = Callers()
        self._bus = SignalBus()
        self._heard: OrderedDict[str, Heard] = OrderedDict()

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Takes the policies, and whatever else says how a caller is to be asked for."""
        self._modes = Modes(self._settings.models, self._settings.mode or startup.settings.mode)
        self._policies, self._callers = startup.policies, startup.homeostasis
        self._flags, self._standing, self._bus = startup.flags, startup.standing, startup.bus

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge | None:
        """Changes the request where the mode is to enforce, and says what it would change in shadow."""
        found = self.modulated(exchange)
        if found is None or found.nudge is None:
            return None
        return found.nudge if found.mode == "enforce" else msgspec.structs.replace(found.nudge, applied=False)

    def modulated(self, exchange: Exchange) -> Modulated | None:
        """Gives what the policy makes of a request, None where it is not asked; asking twice changes nothing."""
        policies, standing_of, caller, body = self._policies, self._standing, exchange.caller, exchange.request.json
        if policies is None or standing_of is None or caller is None or body.__class__ is not dict:
            return None
        mode = self._modes.of(caller.mode, exchange.request.model)
        if mode == "off" or exchange.received.method != b"POST":
            return None
        policy, standing = policies.modulation, standing_of(caller.principal)
        caps = (*caps_of(self._flags, standing, caller.principal), *caps_of_unread(exchange))
        # What is only computed changes nothing, so that each step is computed as the first one is.
        again = exchange.step > 1 and mode == "enforce"
        if exchange.step > 1 and exchange.safety_mode == STRICT:
            caps = (*caps, cap_of_loop(exchange))
        endpoint = exchange.endpoint.name if exchange.endpoint is not None else ""
        if endpoint not in LIMITS:
            return self._held(mode, policy, exchange, endpoint, caps)
        if not caps and standing.style == UNCHANGED and self._is_calm(policy, exchange, caller.principal):
            return None
        now = self._acting(policy, exchange, caller.principal)
        feedback = None if again or standing.style == UNCHANGED else standing.style
        client, model, caps = client_of(endpoint, body), exchange.request.model, (*now.caps, *caps)
        decision = decided(policy, now.levels, model, client, caps, feedback)
        if again and is_looser(decision.safety_mode, exchange.safety_mode):
            decision = decided(policy, now.levels, model, client, (*caps, cap_of_loop(exchange)), feedback)
        return Modulated(mode, now, decision, nudge_of(exchange, endpoint, policy, decision, now))

    @staticmethod
    def _held(mode: Mode, policy: Policy, exchange: Exchange, endpoint: str, caps: tuple[Cap, ...]) -> Modulated | None:
        """Holds strict what is no conversation and may still carry tools; nothing is read off it or written into it."""
        if not caps:
            return None
        decision = decided(policy, {}, None, caps=caps)
        now = Regulated(exchange.signals)
        return Modulated(mode, now, decision, nudge_of(exchange, endpoint, policy, decision, now))

    def _is_calm(self, policy: Policy, exchange: Exchange, principal: str) -> bool:
        """Whether no level is high enough to act, and none of the exchanges before has left one that does."""
        if policy.default_mode != USUAL_MODE or self._callers.state(principal) is not NEW:
            return False
        levels = exchange.signals
        for name, activation in zip(SIGNALS, policy.activations, strict=True):
            level = levels.get(name)
            if level and not level < activation:
                return False
        return True

    def _acting(self, policy: Policy, exchange: Exchange, principal: str) -> Regulated:
        """Asks homeostasis once about the signals of an exchange, for however many targets they are asked about."""
        known = self._heard.get(exchange.id)
        if known is not None and known.signals == exchange.signals:
            return known.regulated
        now_ms = self._clock(exchange) // 1_000_000
        before = self._callers.state(principal)
        if known is not None and known.after == before:
            # Heard anew in place of what it was before: of several steps of a loop it is one exchange still.
            before = known.before
        state, found = regulated(policy, before, emissions_of(policy, exchange, now_ms), now_ms)
        self._callers.remember(principal, state)
        if state.stabilizing and not before.stabilizing:
            at_ms = exchange.arrived // 1_000_000
            self._bus.publish(Emission(STABILIZE, 1.0, STABILIZE_TTL_MS, "modulation", exchange.id, at_ms))
        self._heard[exchange.id] = Heard(exchange.signals, found, before, state)
        if len(self._heard) > MOST_REMEMBERED:
            self._heard.popitem(last=False)
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
    return loudest(found)
