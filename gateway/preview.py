"""Decides about a request as the pipeline does, and sends nothing: for `lukhas explain`, and for previews of policies.

What is around a request comes in as arguments, and what was assumed of it stands in the answer.
"""

import difflib
from collections.abc import Mapping, Sequence
from time import time_ns
from typing import Any

import msgspec

from gateway.answers import Nudge, Refusal, SafetyMode, Signals
from gateway.audit_id import new_audit_id
from gateway.changed_parameters import ChangedParameter, changed_parameters
from gateway.decide import decided, identified, shaped
from gateway.endpoints import Endpoint
from gateway.exchange import Exchange, Headers, Received, Request
from gateway.hooks import Implementation
from gateway.hookspecs import Hooks, hookimpl
from gateway.json_body import read_json
from gateway.levels_from_records import ASSUMED, unnamed
from gateway.live_policies import LivePolicies
from gateway.loader import Chain, Common, Plugin, chain_of
from gateway.offered_tools import offered_tools
from gateway.pipeline import Sizes
from gateway.settings import Settings
from gateway.signal_bus import SignalBus
from gateway.tools.kept import Kept
from gateway.tools.loop import HOSTED_ELSEWHERE, can_loop
from gateway.tools.members import TOOL_MEMBERS
from gateway.tools.put_back import may_continue, put_back
from identity.caller import Caller
from policies.modulation import Policy
from policies.modulation.callers import Callers
from policies.modulation.homeostasis import NEW, Damped, Emission, Regulated, State, emission, regulated
from policies.modulation.signals import SIGNALS


class Found(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a plugin found in the request of a question, as it answers `observe`."""

    plugin: str
    levels: Mapping[str, float] = {}
    because: Mapping[str, str] = {}
    applied: bool = True


class Question(msgspec.Struct, frozen=True):
    """What is to be decided about, and what is around it: who calls, with which headers, heard how before.

    `signals` are assumed, beside what is found: like those of any other source they raise. `arrived` is in ns since the
    epoch, on whose clock `state` is. Unless `own`, somebody else asks: what is kept for the caller stays out, which is
    what tools gave and what is recalled. `observed` is what plugins found in it where they remember more; without it
    those of the chain are asked.
    """

    endpoint: Endpoint
    body: bytes
    caller: Caller
    headers: Headers = ()
    signals: Mapping[str, float] = {}
    state: State = NEW
    arrived: int = 0
    own: bool = True
    observed: Sequence[Found] | None = None


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who found a level, and why; `applied` of False is one that is recorded and does not act."""

    plugin: str
    level: float
    because: str = ""
    applied: bool = True


class ToolsPreviewed(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tools by the names that the model sees: asked for, going out, run here (with alias), and what became of the rest.

    `allowed` are the aliases of hosted tools that the exchange may use, absent where nothing narrowed them.
    """

    asked: Sequence[str] = ()
    offered: Sequence[str] = ()
    hosted: Mapping[str, str] = {}
    removed: Sequence[str] = ()
    allowed: Sequence[str] | None = None
    because: Sequence[str] = ()


class Previewed(msgspec.Struct, frozen=True):
    """What became of a request: `body` is what would go out, byte for byte; `diff` is of the JSON, for people.

    `safety_mode` is the one in force, `policy` the revision of the policies. `signals` are those that were found, each
    with its `sources`; `acting` those that homeostasis lets through, `damped` what it holds back. `changes` are those
    that would be made, `not_made` those that were computed and are not, as in shadow.
    """

    endpoint: str
    model: str | None
    caller: str
    tier: str
    changed: bool
    refusal: Refusal | None
    safety_mode: SafetyMode
    policy: str
    signals: Mapping[str, float]
    sources: Mapping[str, Sequence[Source]]
    acting: Mapping[str, float]
    damped: Sequence[Damped]
    changes: Sequence[ChangedParameter]
    not_made: Sequence[ChangedParameter]
    tools: ToolsPreviewed
    route: Any
    steps: Sequence[Mapping[str, Any]]
    diff: str
    body: str


class Previews:
    """Asks the plugins of a chain that has started.

    `homeostasis` is the memory that they were given; it is as it was afterwards. `kept` is what tools gave and waits
    for the client's next request. One question at a time.
    """

    def __init__(
        self, chain: Chain, homeostasis: Callers, sizes: Sizes, policies: LivePolicies, kept: Kept | None = None
    ) -> None:
        self._chain = chain
        self._homeostasis = homeostasis
        self._sizes = sizes
        self._policies = policies
        self._kept = kept

    async def preview(self, question: Question) -> Previewed:
        """Gives what would become of a request. Errors: BodyError for one that the gateway would not read."""
        exchange, refusal, after = await self.decided(question)
        policy = self._policies.modulation
        found = regulated(policy, question.state, _emissions(policy, exchange), exchange.clock // 1_000_000)
        # Where no modulation was asked, nothing acts, whatever a policy would say.
        acted = found[1] if found[0] == after and after != question.state else Regulated({})
        return _previewed(exchange, refusal, acted, self._policies.revision)

    async def decided(self, question: Question) -> tuple[Exchange, Refusal | None, State]:
        """Gives the exchange as it would be sent, or what refuses it, and what is remembered of the caller after it."""
        exchange = taken_in(question)
        principal, homeostasis = question.caller.principal, self._homeostasis
        before = homeostasis.state(principal)
        homeostasis.remember(principal, question.state)
        try:
            if self._kept is not None and question.own and may_continue(exchange.request):
                await put_back(self._kept, exchange)
            refusal = await decided(_Deciders(self._chain, self._sizes, question), exchange)
            if refusal is None:
                await shaped(self._chain.of(Hooks.shape), exchange, exchange.route.targets[0])
                refusal = HOSTED_ELSEWHERE if exchange.hosted and not can_loop(exchange) else None
            return exchange, refusal, homeostasis.state(principal)
        finally:
            homeostasis.remember(principal, before)


class _Deciders:
    """The chain's own, and a source of the signals that are assumed."""

    def __init__(self, chain: Chain, sizes: Sizes, question: Question) -> None:
        self.admit: tuple[Implementation, ...] = chain.of(Hooks.admit)
        self.observe = chain.of(Hooks.observe) if question.observed is None else _found_before(question.observed)
        self.judge = chain.of(Hooks.judge)
        self.route = chain.of(Hooks.route)
        self.recall: tuple[Implementation, ...] = chain.of(Hooks.recall) if question.own else ()
        self.bus = SignalBus()
        self.context_characters = sizes.context_characters
        if question.signals:
            self.observe += sources_of({ASSUMED: question.signals})


class _Finds:
    """Finds the same in every request."""

    def __init__(self, signals: Signals | None) -> None:
        self._signals = signals

    @hookimpl
    def observe(self) -> Signals | None:
        return self._signals


def sources_of(levels: Mapping[str, Mapping[str, float]]) -> tuple[Implementation, ...]:
    """Gives implementations of `observe` that find these levels, by the name of each."""
    return _asked_of({name: Signals(found) for name, found in levels.items()})


def _found_before(observed: Sequence[Found]) -> tuple[Implementation, ...]:
    said = {each.plugin: Signals(each.levels, each.because, applied=each.applied) for each in observed}
    return _asked_of({name: each if each.levels or each.because else None for name, each in said.items()})


def _asked_of(answers: Mapping[str, Signals | None]) -> tuple[Implementation, ...]:
    plugins = [Plugin(name, "0", "", _Finds(answer), Common()) for name, answer in answers.items()]
    return chain_of(plugins, lambda *_: None).of(Hooks.observe)


async def caller_of_key(chain: Chain, settings: Settings, owner: str) -> Caller | None:
    """Gives the caller whom a key of the settings names, by the key's owner; None where no key has this owner."""
    for key in settings.auth.keys:
        if key.owner == owner:
            headers = ((b"authorization", b"Bearer " + key.key.encode()),)
            exchange = Exchange(new_audit_id(), time_ns(), 0, Received(b"POST", b"/v1", headers), None)
            await identified(chain.of(Hooks.identify), exchange)
            return exchange.caller
    return None


def taken_in(question: Question) -> Exchange:
    """Gives the exchange that the request of a question would be. Errors: BodyError."""
    endpoint, body = question.endpoint, question.body
    framing = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
    received = Received(
        endpoint.method.encode(), f"/v1{endpoint.template}".encode(), (*framing, *question.headers), "127.0.0.1"
    )
    arrived = question.arrived or time_ns()
    exchange = Exchange(new_audit_id(), arrived, arrived, received, endpoint)
    exchange.caller = question.caller
    exchange.asked = exchange.request = Request(endpoint, body, read_json(body))
    return exchange


def _emissions(policy: Policy, exchange: Exchange) -> list[Emission]:
    """Gives who said what; of a plugin that was late the level counts, and nobody is named."""
    now_ms = exchange.clock // 1_000_000
    found = [
        emission(policy, name, level, step.plugin, now_ms, exchange.id)
        for step in exchange.trail
        if step.hook == "observe" and isinstance(step.answer, Signals) and step.answer.applied and step.fault is None
        for name, level in step.answer.levels.items()
        if name in SIGNALS and level > 0
    ]
    return [*found, *unnamed(policy, exchange.signals, found, now_ms, exchange.id)]


def _previewed(exchange: Exchange, refusal: Refusal | None, acted: Regulated, revision: str) -> Previewed:
    caller = exchange.caller
    before, now = exchange.asked.body or b"", b"" if refusal is not None else exchange.request.body or b""
    changes = (changed_parameters(exchange) or []) if refusal is None else []
    return Previewed(
        exchange.endpoint.name if exchange.endpoint else "other",
        exchange.asked.model_label,
        caller.principal if caller else "",
        caller.tier if caller else "",
        refusal is None and now != before,
        refusal,
        exchange.safety_mode,
        revision,
        dict(exchange.signals),
        _sources(exchange),
        acted.levels,
        acted.damped,
        [each for each in changes if each.applied],
        [each for each in changes if not each.applied],
        _tools(exchange),
        msgspec.to_builtins(exchange.route),
        [
            {"hook": step.hook, "plugin": step.plugin, "answer": msgspec.to_builtins(step.answer), "fault": step.fault}
            for step in exchange.trail
            if step.answer is not None or step.fault is not None
        ],
        "" if refusal is not None else _diff(before, now),
        now.decode("utf-8"),
    )


def _sources(exchange: Exchange) -> dict[str, list[Source]]:
    found: dict[str, list[Source]] = {}
    for step in exchange.trail:
        answer = step.answer
        if step.hook == "observe" and isinstance(answer, Signals):
            for name in {**answer.levels, **answer.because}:
                level = answer.levels.get(name, 0.0)
                source = Source(step.plugin, level, answer.because.get(name, ""), answer.applied)
                found.setdefault(name, []).append(source)
    return found


def _tools(exchange: Exchange) -> ToolsPreviewed:
    asked, offered = offered_tools(exchange.asked.json), offered_tools(exchange.request.json)
    because = [
        sentence
        for step in exchange.trail
        if step.hook == "shape" and isinstance(step.answer, Nudge) and _is_about_tools(step.answer)
        for sentence in filter(None, step.answer.because.split("; "))
    ]
    return ToolsPreviewed(
        asked,
        offered,
        dict(exchange.hosted),
        [name for name in asked if name not in offered and name not in exchange.hosted],
        None if exchange.allowed_tools is None else sorted(exchange.allowed_tools),
        list(dict.fromkeys(because)),
    )


def _is_about_tools(nudge: Nudge) -> bool:
    if nudge.hosted or any(change.path and change.path[0] in TOOL_MEMBERS for change in nudge.changes):
        return True
    is_of_a_policy = (
        nudge.sources
        or nudge.levels
        or nudge.damped
        or nudge.safety_mode
        or nudge.limits
        or nudge.allowed_tools is not None
    )
    return not nudge.changes and not is_of_a_policy


def _diff(before: bytes, after: bytes) -> str:
    was, is_now = (msgspec.json.format(side, indent=2).decode().splitlines() for side in (before, after))
    return "\n".join(difflib.unified_diff(was, is_now, "as received", "as it goes out", lineterm=""))
