"""Reads off records what a caller's signals are like: each exchange is heard again, in the order in which they came.

It is what a single worker remembers; with several, each remembers the exchanges that it carried itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from policies.modulation import Policy
from policies.modulation.homeostasis import NEW, Emission, Level, Regulated, State, emission, loudest, regulated
from policies.modulation.signals import SIGNALS
from storage.bundles import Bundles, Search

REACH = timedelta(minutes=1)
MOST_EXCHANGES = 200
"""How far back, and how many exchanges of a caller, are heard again: more than any level or cooldown lasts."""
ASSUMED = "assumed"
"""The source of a level that nobody is named for."""
_MODULATED = frozenset(("chat.completions", "completions", "responses"))


class HeardAnswer(msgspec.Struct, frozen=True):
    """What of an answer speaks of signals; in that of a policy, `levels` are those that acted other than found."""

    answer: str = ""
    levels: Mapping[str, float] = {}
    because: Mapping[str, str] | str = {}
    applied: bool = True
    sources: tuple[str, ...] = ()
    damped: tuple[str, ...] = ()

    @property
    def reasons(self) -> Mapping[str, str]:
        """The reason of each level, where it has one of its own."""
        return self.because if isinstance(self.because, Mapping) else {}


class HeardStep(msgspec.Struct, frozen=True):
    """One step of a trail."""

    hook: str
    plugin: str = ""
    answer: HeardAnswer | None = None
    fault: str | None = None


class Heard(msgspec.Struct, frozen=True):
    """What of a record speaks of signals."""

    audit_id: str
    started: datetime
    endpoint: str = "other"
    method: str = "POST"
    caller: str | None = None
    model: str | None = None
    signals: Mapping[str, float] = {}
    trail: tuple[HeardStep, ...] = ()

    @property
    def now_ms(self) -> int:
        """When it came, in ms since the epoch."""
        return milliseconds(self.started)

    @property
    def was_modulated(self) -> bool:
        """Whether it came as far as the policy: what was refused before it is not remembered."""
        asked = any(step.hook == "shape" for step in self.trail)
        return asked and self.endpoint in _MODULATED and self.method == "POST"

    def found(self) -> Iterator[tuple[str, HeardAnswer]]:
        """Gives what each plugin found."""
        for step in self.trail:
            if step.hook == "observe" and step.answer is not None and step.answer.answer == "signals":
                yield step.plugin, step.answer

    def acted(self) -> HeardAnswer | None:
        """Gives what a policy noted of what it did and held back, None where it left nothing."""
        answers = [step.answer for step in self.trail if step.hook == "shape" and step.answer is not None]
        return next((each for each in reversed(answers) if each.sources or each.levels or each.damped), None)

    def emissions(self, policy: Policy) -> list[Emission]:
        """Gives who said what about it."""
        found = [
            emission(policy, name, level, step.plugin, self.now_ms, self.audit_id)
            for step in self.trail
            if step.hook == "observe" and step.answer is not None and step.answer.applied and step.fault is None
            for name, level in step.answer.levels.items()
            if name in SIGNALS and level > 0
        ]
        return loudest([*found, *unnamed(policy, self.signals, found, self.now_ms, self.audit_id)])


def unnamed(
    policy: Policy, signals: Mapping[str, float], found: Sequence[Emission], now_ms: int, audit_id: str
) -> list[Emission]:
    """Gives the levels of an exchange that are above what its sources said, as modulation takes them: assumed."""
    said: dict[str, float] = {}
    for each in found:
        said[each.name] = max(each.level, said.get(each.name, 0.0))
    return [
        emission(policy, name, level, ASSUMED, now_ms, audit_id)
        for name, level in signals.items()
        if name in SIGNALS and level > said.get(name, 0.0)
    ]


def heard(line: bytes) -> Heard | None:
    """Reads the line of a record, None for one that tells of no exchange of ours."""
    try:
        return msgspec.json.decode(line, type=Heard)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def state_after(policy: Policy, exchanges: Iterable[Heard], state: State = NEW) -> State:
    """Gives what is remembered of a caller after these exchanges, the oldest first."""
    for each in exchanges:
        state, _ = heard_again(policy, state, each)
    return state


def heard_again(policy: Policy, state: State, exchange: Heard) -> tuple[State, Regulated]:
    """Gives what is remembered after an exchange, and what acted on it."""
    if not exchange.was_modulated:
        return state, Regulated({})
    return regulated(policy, state, exchange.emissions(policy), exchange.now_ms)


def recent(bundles: Bundles, caller: str, until: datetime, *, below: str = "") -> list[Heard]:
    """Gives the last exchanges of a caller, named as records do, the oldest first. Errors: BundlesError.

    With `below` those before the exchange of this id, which began at `until`.
    """
    position = (until, below) if below else None
    found = bundles.listed(Search(until - REACH, None, caller, below=position), MOST_EXCHANGES)
    return [each for line in reversed(found) if (each := heard(line)) is not None]


def standing(state: State, now_ms: int) -> dict[str, Level]:
    """Gives the levels that are not over, the higher one where a signal was published as well."""
    levels: dict[str, Level] = {}
    for table in (state.levels, state.published):
        for name, each in table.items():
            if each.until_ms > now_ms and (name not in levels or each.level > levels[name].level):
                levels[name] = each
    return {name: levels[name] for name in SIGNALS if name in levels}


def milliseconds(moment: datetime) -> int:
    """Gives a moment in ms since the epoch."""
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
