"""Tightening: blocked calls of a caller withhold tools from them, by the rules of `tools.yaml`, at once in this worker.

The office counts over all workers by the same rules, and tells all of them what is withheld.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from gateway.audit_id import PREFIX as AUDIT_PREFIX
from gateway.audit_id import new_audit_id
from gateway.pushed import Counted, Pushed, Withheld
from gateway.writable import written
from policies.tightening import ALL_TOOLS, TighteningRule, counts

PREFIX = "T-"
MOST_PEOPLE = 10_000
MOST_BLOCKED = 200
"""Of one person; no rule counts more."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=1)
"""As long as the window of a rule may be."""


class Blocked(msgspec.Struct, frozen=True, gc=False):
    """A call that was blocked: of which tool, and in which exchange."""

    at: datetime
    tool: str
    audit_id: str


class Due(msgspec.Struct, frozen=True):
    """What a rule asks for: `tool`, or all (`*`), is withheld for as long as the rule says; `audit_id` is the cause."""

    rule: TighteningRule
    tool: str
    audit_id: str
    because: str


class TighteningEvent(msgspec.Struct, frozen=True, tag_field="event", tag="tightening", omit_defaults=True):
    """A tightening as a line of the journal; the state is filled from it."""

    id: str
    audit_id: str
    at: datetime
    caller: str
    tool: str
    rule: str
    because: str
    until: datetime
    strict: bool = False


def due(
    rules: Iterable[TighteningRule], blocked: Sequence[Blocked], counted: Iterable[Counted], now: datetime
) -> Iterator[Due]:
    """Gives what the blocked calls of one person lead to; a call that has led to something counts once for each rule.

    Behind one that was taken back nothing counts that was blocked before.
    """
    until: dict[tuple[str, str], datetime] = {}
    released: datetime | None = None
    for each in counted:
        place = each.rule, each.tool
        until[place] = max(each.until, until.get(place, each.until))
        if not each.holds:
            released = max(each.until, released or each.until)
    for rule in rules:
        begins = max(now - timedelta(seconds=rule.within_seconds), released or _LONG_AGO)
        together: dict[str, list[Blocked]] = {}
        for call in blocked:
            tool = call.tool if rule.withhold == "tool" else ALL_TOOLS
            last = until.get((rule.name, tool))
            if call.at > begins and counts(rule, call.tool) and (last is None or call.at > last):
                together.setdefault(tool, []).append(call)
        for tool, calls in together.items():
            if len(calls) >= rule.blocked:
                yield Due(rule, tool, calls[-1].audit_id, _because(rule, len(calls)))


def event_of(due: Due, id: str, person: str, now: datetime) -> TighteningEvent:
    """Gives the event that a rule asks for."""
    until = now + timedelta(seconds=due.rule.for_seconds)
    return TighteningEvent(id, due.audit_id, now, person, due.tool, due.rule.name, due.because, until, due.rule.strict)


class Tightening:
    """What one worker knows of blocked calls; `rules` gives those in force."""

    def __init__(
        self,
        rules: Callable[[], Sequence[TighteningRule]],
        pushed: Pushed,
        new_id: Callable[[], str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._rules = rules
        self._pushed = pushed
        self._new_id = new_id
        self._now = now
        self._blocked: OrderedDict[str, tuple[Blocked, ...]] = OrderedDict()
        self._made: dict[str, tuple[Counted, ...]] = {}

    def blocked(self, person: str, calls: Iterable[Blocked]) -> list[TighteningEvent]:
        """Takes blocked calls of a person in; what they lead to holds in this worker when this returns."""
        rules, now = self._rules(), self._now()
        if not rules:
            return []
        known = (*self._blocked.get(person, ()), *calls)[-MOST_BLOCKED:]
        self._remember(person, tuple(call for call in known if call.at > now - LONGEST))
        made = self._made.get(person, ())
        held = {each.id for each in self._pushed.withheld_from(person)}
        counted = (*self._pushed.counted(person), *made)
        events = [
            event_of(each, self._new_id(), person, now)
            for each in due(rules, self._blocked[person], counted, now)
            if not _holds(each, counted, held)
        ]
        for event in events:
            withheld = Withheld(event.id, person, event.tool, event.until, event.because, event.strict)
            self._pushed.withhold(withheld)
        if events:
            fresh = (Counted(event.id, person, event.rule, event.tool, now) for event in events)
            self._made[person] = (*(each for each in made if each.until > now - LONGEST), *fresh)
        return events

    def _remember(self, person: str, calls: tuple[Blocked, ...]) -> None:
        self._blocked[person] = calls
        self._blocked.move_to_end(person)
        if len(self._blocked) > MOST_PEOPLE:
            gone, _ = self._blocked.popitem(last=False)
            self._made.pop(gone, None)


def new_tightening_id() -> str:
    """Gives the id of a new tightening; ids sort by the millisecond, not within one."""
    return f"{PREFIX}{new_audit_id()[len(AUDIT_PREFIX) :]}"


def tightening_lines(events: Iterable[TighteningEvent]) -> bytes:
    """Gives the events as lines of the journal."""
    return b"".join(written(event) + b"\n" for event in events)


def _holds(due: Due, counted: Iterable[Counted], held: set[str]) -> bool:
    return any(each.id in held and (each.rule, each.tool) == (due.rule.name, due.tool) for each in counted)


def _because(rule: TighteningRule, calls: int) -> str:
    what = "calls of it" if rule.withhold == "tool" else "calls of tools"
    return f"{calls} {what} were blocked within {rule.within_seconds:g} s (rule {rule.name})"
