"""`/signals`: how the signals of a caller stand now, and which events made those of an exchange and what they changed.

Both are read off the records, so that any worker's exchange is there as soon as its record is.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from gateway.answers import Refusal
from gateway.levels_from_records import (
    Heard,
    HeardAnswer,
    heard,
    heard_again,
    milliseconds,
    recent,
    standing,
    state_after,
)
from gateway.office.audit.names import Names
from gateway.office.audit.routes import record_for
from gateway.office.audit.sight import READ
from gateway.office.refusing import Refused
from gateway.signal_bus import NAMES
from identity.caller import Caller
from policies.modulation import Policy
from policies.modulation.homeostasis import Regulated, State
from policies.modulation.signals import SIGNALS
from storage.bundles import Bundles, BundlesError
from storage.people import KeyringError

Result = TypeVar("Result")


class LevelShown(msgspec.Struct, frozen=True):
    """A level that stands, for how long at most if nothing follows, and who found it."""

    level: float
    ttl_left_ms: int
    sources: Sequence[str]


class LevelsShown(msgspec.Struct, frozen=True):
    """The signals of a caller; those that are not named stand at nothing.

    `stabilizing` says whether the counter-signal to stress holds, `stressed` how many exchanges in a row had much.
    """

    principal: str
    at: datetime
    signals: Mapping[str, LevelShown]
    stabilizing: bool
    stressed: int


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody said that a signal stands at a level; `applied` of False was recorded and acts on nothing."""

    source: str
    level: float
    because: str = ""
    applied: bool = True


class SignalExplained(msgspec.Struct, frozen=True, omit_defaults=True):
    """One signal of an exchange: the events that made it, the level that acted, and what that changed."""

    acted: float
    events: Sequence[Event] = ()
    damped: Sequence[str] = ()
    changed: Sequence[Mapping[str, Any]] = ()


class Explained(msgspec.Struct, frozen=True):
    """The signals of an exchange by name, and what was changed for other reasons.

    `revision` is that of the policy by which levels were heard again for this answer.
    """

    audit_id: str
    principal: str
    safety_mode: str
    signals: Mapping[str, SignalExplained]
    other_changes: Sequence[Mapping[str, Any]]
    revision: str


class _Changes(msgspec.Struct, frozen=True):
    """What of a record tells what was changed."""

    safety_mode: str = "balanced"
    changes: Sequence[Mapping[str, Any]] | None = None


def signal_routes(
    bundles: Bundles,
    names: Names,
    policy: Callable[[], Policy],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers; `policy` is the one in force."""
    return [_live(bundles, names, policy, now), _explain(bundles, names, policy)]


def _live(
    bundles: Bundles, names: Names, policy: Callable[[], Policy], now: Callable[[], datetime]
) -> HTTPRouteHandler:
    @get("/signals", tags=["signals"])
    async def signals_live(
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        principal: Annotated[str | None, QueryParameter(description="Whose; anybody's with `audit:read`.")] = None,
    ) -> LevelsShown:
        """Gives the levels of your signals that stand now: how high, for how long yet, and who found them."""
        unknown = next((name for name in request.query_params if name != "principal"), None)
        if unknown is not None:
            raise Refused(
                Refusal(f"Unknown parameter: {unknown[:64]!r}.", "unknown_parameter", 400, param=unknown[:64])
            )
        whose = principal or caller.principal
        if whose != caller.principal and not caller.may(READ):
            raise Refused(Refusal(f"Seeing the signals of others needs the permission {READ}.", code="not_allowed"))
        at = now()
        state = await _asked(lambda: state_after(policy(), recent(bundles, names.recorded(whose), at)))
        return levels_shown(whose, state, at)

    return signals_live


def levels_shown(principal: str, state: State, at: datetime) -> LevelsShown:
    """Gives what stands of a state at a moment."""
    now_ms = milliseconds(at)
    levels = standing(state, now_ms)
    return LevelsShown(
        principal,
        at,
        {name: LevelShown(each.level, each.until_ms - now_ms, each.sources) for name, each in levels.items()},
        state.stabilizing,
        state.stressed,
    )


def _explain(bundles: Bundles, names: Names, policy: Callable[[], Policy]) -> HTTPRouteHandler:
    @get("/signals/explain/{audit_id:str}", tags=["signals"])
    async def signals_explain(caller: NamedDependency[Caller], audit_id: FromPath[str]) -> Explained:
        """Says which events made the signals of an exchange, what was damped, and what each signal changed."""
        line = await record_for(bundles, names, caller, audit_id)
        return await _asked(lambda: explained(line, bundles, names, policy()))

    return signals_explain


def explained(line: bytes, bundles: Bundles, names: Names, policy: Policy) -> Explained:
    """Explains the signals of a record. Errors: BundlesError, KeyringError."""
    exchange = heard(line)
    if exchange is None:
        raise BundlesError("This record tells of no signals.")
    said = msgspec.json.decode(line, type=_Changes)
    before: list[Heard] = []
    if exchange.caller is not None:
        before = recent(bundles, exchange.caller, exchange.started, below=exchange.audit_id)
    _, found = heard_again(policy, state_after(policy, before), exchange)
    events: dict[str, list[Event]] = {}
    for plugin, answer in exchange.found():
        for name in {**answer.levels, **answer.reasons}:
            event = Event(plugin, answer.levels.get(name, 0.0), answer.reasons.get(name, ""), answer.applied)
            events.setdefault(name, []).append(event)
    noted = exchange.acted()
    levels = found.levels if noted is None else {**exchange.signals, **noted.levels}
    damped: dict[str, list[str]] = {}
    for name, because in _held_back(found, noted):
        damped.setdefault(name, []).append(because)
    changed, others = _by_signal(said.changes or ())
    return Explained(
        exchange.audit_id,
        names.of_person(exchange.caller) if exchange.caller else "",
        said.safety_mode,
        {
            name: SignalExplained(
                levels.get(name, 0.0), events.get(name, ()), damped.get(name, ()), changed.get(name, ())
            )
            for name in dict.fromkeys((*events, *damped, *levels, *changed))
        },
        others,
        policy.revision,
    )


def _held_back(found: Regulated, noted: HeardAnswer | None) -> Iterator[tuple[str, str]]:
    """Gives signal and sentence of what was held back: as it was noted, else as it comes out when heard again."""
    if noted is None:
        for each in found.damped:
            yield each.name, f"{each.source}: {each.because}"
        return
    for sentence in noted.damped:
        yield next((name for name in SIGNALS if name in sentence), ""), sentence


def _by_signal(
    changes: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, list[Mapping[str, Any]]], list[Mapping[str, Any]]]:
    """Sorts changes by the signal that led to each."""
    by_signal: dict[str, list[Mapping[str, Any]]] = {}
    others: list[Mapping[str, Any]] = []
    for change in changes:
        led = change.get("signal")
        if led in NAMES:
            by_signal.setdefault(str(led), []).append(change)
        else:
            others.append(change)
    return by_signal, others


async def _asked(work: Callable[[], Result]) -> Result:
    """Does in a thread what may have to wait for a file. Errors: Refused."""
    try:
        return await asyncio.to_thread(work)
    except (BundlesError, KeyringError) as error:
        raise Refused(Refusal(str(error), code="records_unavailable", status=503, retry_after=5)) from None
