"""Decides about recorded exchanges again, under the policy in force and under another: what would have changed.

What a record holds is taken for true: signals with their sources, model, caller, and what the client set. How callers
were heard before is heard again, in the order in which the exchanges came.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from gateway.answers import Nudge, Signals
from gateway.client_parameters import Value, client_parameters, request_of
from gateway.decide import changed
from gateway.endpoints import Endpoint
from gateway.exchange import Exchange, Received, Request, Step
from gateway.hooks import Implementation, Pending
from gateway.levels_from_records import Heard, HeardAnswer, HeardStep
from gateway.splice import SpliceError
from identity.caller import Caller

Basis: TypeAlias = Literal["body", "parameters", "estimate"]
"""What is known of a request: its body, the parameters that it set, or less than these."""
MOST_EXAMPLES = 10
PREAMBLE = "preamble"
TOOLS = "allowed_tools"
MODE = "safety_mode"
_TEXTS = ("messages", "input", "instructions")
ASKED = HeardStep("shape")
"""Stands for all the steps that say that a policy was asked: of many records little is to be kept."""


class Recorded(Heard, frozen=True):
    """What of a record is decided about again."""

    tier: str | None = None
    parameters: Mapping[str, Value] | None = None
    policy: str | None = None
    attempts: tuple["Asked", ...] = ()

    @property
    def model_asked(self) -> str | None:
        """The model that was asked: that of the last attempt, else the client's."""
        return (self.attempts[-1].model if self.attempts else None) or self.model


def recorded(line: bytes) -> Recorded | None:
    """Reads a record, None for one that tells of no exchange of ours; of the trail it keeps what signals need."""
    try:
        found = msgspec.json.decode(line, type=Recorded)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    heard = [step for step in found.trail if step.hook == "observe" and step.answer is not None]
    return msgspec.structs.replace(found, trail=(*heard, *([ASKED] if found.was_modulated else ())))


class Asked(msgspec.Struct, frozen=True):
    """Which model an attempt asked."""

    model: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What a policy makes of an exchange: the mode, the hosted tools (None: not narrowed), what the request sets."""

    safety_mode: str
    allowed_tools: tuple[str, ...] | None
    sets: Mapping[str, Value]

    def members(self) -> dict[str, Any]:
        """All of it by name."""
        tools = {} if self.allowed_tools is None else {TOOLS: ", ".join(self.allowed_tools) or "none"}
        return {**self.sets, MODE: self.safety_mode, **tools}


class Difference(msgspec.Struct, frozen=True):
    """One exchange that comes out differently: each member with what it is before and after, None for nothing."""

    audit_id: str
    started: datetime
    basis: Basis
    signals: Mapping[str, float]
    members: Mapping[str, tuple[Any, Any]]


class Moved(msgspec.Struct, frozen=True):
    """Of how many exchanges a member comes out differently, and which way."""

    exchanges: int
    lower: int
    higher: int
    newly_set: int
    no_longer_set: int


class Replayed(msgspec.Struct, frozen=True):
    """What came of it.

    `exchanges` were decided about again, `differ` of them differently; `left_out` were refused before a policy was
    asked, or are of endpoints that no policy speaks of. `bases` says how much was known of the requests, `other_policy`
    how many were decided about by other policies than those in force.
    """

    exchanges: int
    differ: int
    left_out: int
    other_policy: int
    bases: Mapping[str, int]
    modes_before: Mapping[str, int]
    modes_after: Mapping[str, int]
    parameters: Mapping[str, Moved]
    examples: Sequence[Difference]


class Policed:
    """One policy at work: the hook of the plugin that asks it. It remembers callers as it did when they came."""

    def __init__(self, shape: Implementation) -> None:
        self._shape = shape

    async def outcome(self, recorded: Recorded, endpoint: Endpoint, principal: str, asked: dict[str, Any]) -> Outcome:
        """Gives what would have become of an exchange whose request is `asked`, whatever the mode was."""
        exchange = _again(recorded, endpoint, principal, asked)
        answer: Any = self._shape.ask(exchange)
        if answer.__class__ is Pending:
            answer = await answer
        request = exchange.request
        if not isinstance(answer, Nudge):
            return Outcome("balanced", None, client_parameters(request.json) or {})
        with suppress(SpliceError):
            request = changed(request, answer)
        sets: dict[str, Value] = dict(client_parameters(request.json) or {})
        if any(request.json.get(name) != asked.get(name) for name in _TEXTS):
            sets[PREAMBLE] = answer.safety_mode or "balanced"
        tools = None if answer.allowed_tools is None else tuple(sorted(answer.allowed_tools))
        return Outcome(answer.safety_mode or "balanced", tools, sets)


def body_of(recorded: Recorded, kept: Mapping[str, Any] | None) -> tuple[dict[str, Any], Basis]:
    """Gives a request that sets what the recorded one set, and what that is known from.

    `kept` are the members of its body, where that was kept. Texts are stand-ins: no policy reads them.
    """
    texts: dict[str, Any] = {"messages": [{"role": "user", "content": "-"}]}
    if recorded.endpoint == "responses":
        texts = {"input": "-"}
    elif recorded.endpoint == "completions":
        texts = {"prompt": "-"}
    if kept is not None:
        own = {name: value for name, value in kept.items() if name not in (*_TEXTS, "tools", "functions")}
        return {**texts, **own, "model": recorded.model_asked}, "body"
    sets = request_of(recorded.parameters or {})
    basis: Basis = "parameters" if recorded.policy is not None else "estimate"
    return {"model": recorded.model_asked, **texts, **sets}, basis


class Tally:
    """Adds up what a replay finds."""

    def __init__(self, revision: str) -> None:
        self._revision = revision
        self._bases: Counter[str] = Counter()
        self._before: Counter[str] = Counter()
        self._after: Counter[str] = Counter()
        self._moved: dict[str, Counter[str]] = {}
        self._examples: list[Difference] = []
        self._differ = self._left_out = self._other_policy = 0

    def leave_out(self) -> None:
        """Counts one that no policy was asked about."""
        self._left_out += 1

    def add(self, recorded: Recorded, basis: Basis, before: Outcome, after: Outcome) -> None:
        """Counts one that was decided about twice."""
        self._bases[basis] += 1
        self._before[before.safety_mode] += 1
        self._after[after.safety_mode] += 1
        self._other_policy += recorded.policy not in (None, self._revision)
        members = dict(_differing(before.members(), after.members()))
        if not members:
            return
        self._differ += 1
        for name, (was, is_now) in members.items():
            self._moved.setdefault(name, Counter())[_way(was, is_now)] += 1
        if len(self._examples) < MOST_EXAMPLES:
            self._examples.append(
                Difference(recorded.audit_id, recorded.started, basis, dict(recorded.signals), members)
            )

    def result(self) -> Replayed:
        """Gives the sums."""
        return Replayed(
            sum(self._bases.values()),
            self._differ,
            self._left_out,
            self._other_policy,
            dict(self._bases),
            dict(self._before),
            dict(self._after),
            {
                name: Moved(sum(ways.values()), ways["lower"], ways["higher"], ways["newly_set"], ways["no_longer_set"])
                for name, ways in sorted(self._moved.items())
            },
            self._examples,
        )


def in_order(found: Iterable[Recorded]) -> list[Recorded]:
    """Gives exchanges in the order in which they came."""
    return sorted(found, key=lambda each: (each.started, each.audit_id))


def _again(recorded: Recorded, endpoint: Endpoint, principal: str, asked: dict[str, Any]) -> Exchange:
    received = Received(endpoint.method.encode(), f"/v1{endpoint.template}".encode(), ())
    arrived = recorded.now_ms * 1_000_000
    exchange = Exchange(recorded.audit_id, arrived, arrived, received, endpoint)
    exchange.asked = exchange.request = Request(endpoint, msgspec.json.encode(asked), asked)
    exchange.caller = Caller(principal, recorded.tier or "T1", "gateway_key", "operator", mode="enforce")
    exchange.signals = dict(recorded.signals)
    exchange.trail = [
        Step("observe", step.plugin, "", 0, 0, _signals(step.answer), step.fault)
        for step in recorded.trail
        if step.hook == "observe" and step.answer is not None
    ]
    return exchange


def _signals(answer: HeardAnswer) -> Signals:
    return Signals(answer.levels, answer.reasons, answer.applied)


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            yield name, (before.get(name), after.get(name))


def _way(was: Any, is_now: Any) -> str:
    if was is None:
        return "newly_set"
    if is_now is None:
        return "no_longer_set"
    if isinstance(was, int | float) and isinstance(is_now, int | float):
        return "lower" if is_now < was else "higher"
    return "other"
