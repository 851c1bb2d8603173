"""Tightenings in the office: over all workers, kept through restarts, told to every worker, and taken back."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from threading import Lock

import msgspec

from gateway.incidents import is_of_caller
from gateway.office.pushing import counted_by
from gateway.pushed import Counted
from gateway.tightening import LONGEST, Blocked, TighteningEvent, due, event_of, new_tightening_id
from gateway.writable import written
from identity.keyring import Keyring
from policies.tightening import TighteningRule
from storage.blocked_calls import BlockedCall, BlockedCalls
from storage.state.records import Tightening
from storage.state.state import State

EVENT = "tightening"
OLDEST = timedelta(days=30)
"""No rule withholds anything for longer."""


class Tightenings:
    """Safe to ask from any thread.

    `rules` gives those in force; `news` grows when there may be something new in `calls`; `append` puts an event into
    the office's journal, `push` tells the workers, `tightened` counts.
    """

    def __init__(
        self,
        rules: Callable[[], Sequence[TighteningRule]],
        state: State,
        calls: BlockedCalls,
        keyring: Keyring,
        *,
        news: Callable[[], int],
        append: Callable[[bytes], None],
        push: Callable[[], object],
        tightened: Callable[[int], None] = lambda _: None,
        new_id: Callable[[], str] = new_tightening_id,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._rules = rules
        self._state = state
        self._calls = calls
        self._keyring = keyring
        self._news = news
        self._append = append
        self._push = push
        self._tightened = tightened
        self._new_id = new_id
        self._now = now
        self._seen = -1
        self._met: set[str] = set()
        self._one_at_a_time = Lock()

    def run(self) -> bool:
        """Does what is due; there is never more to do at once.

        Errors: WarehouseError, KeyringError, JournalError, StateError, OSError.
        """
        news = self._news()
        if news == self._seen or not self._calls.is_open:
            return False
        with self._one_at_a_time:
            # What a worker made of its calls counts them.
            taken, made = self._take_over(), self._make()
        if taken or made:
            self._push()
        self._seen = news
        return False

    def held(self) -> list[Tightening]:
        """Gives those that hold. Errors: StateError."""
        return self._state.tightenings.held(self._now())

    def until(self, principal: str) -> datetime | None:
        """Gives when the last of those ends that hold for one person alone, those included that are due by now.

        Errors: WarehouseError, KeyringError, JournalError, StateError, OSError.
        """
        with self._one_at_a_time:
            taken, made = self._take_over(), self._make()
        if taken or made:
            self._push()
        person = self._keyring.pseudonym_of(principal)
        if person is None:
            return None
        held = self._state.tightenings.held(self._now(), person)
        return max((each.until for each in held if each.person == person), default=None)

    def release(self, id: str, by: str) -> bool:
        """Takes one back; says whether it held. Errors: JournalError, StateError, OSError."""
        with self._one_at_a_time:
            at = self._now()
            tightening = self._state.tightenings.of(id)
            if tightening is None or tightening.released is not None or tightening.until <= at:
                return False
            event = {"event": "tightening_released", "at": at, "id": id, "caller": tightening.person, "by": by}
            self._append(written(event))
            released = self._state.tightenings.release(id, at, by)
        self._push()
        return released

    def _take_over(self) -> int:
        """Keeps what workers made; gives how many of them were not kept yet."""
        now, fresh = self._now(), 0
        # What is taken in late is at most what a start finds.
        for line in self._calls.events(EVENT, now - (LONGEST if self._met else OLDEST)):
            event = _event_in(line)
            if event is None or event.id in self._met:
                continue
            # A line stays when a person is erased, and nothing about them comes back from it.
            if event.until > now and self._keyring.principal_of(event.caller) is not None:
                fresh += self._state.tightenings.add(_kept(event))
            self._met.add(event.id)
        return fresh

    def _make(self) -> int:
        """Asks the rules about everybody of whom calls were blocked; gives how many tightenings there are more."""
        rules, now = self._rules(), self._now()
        if not rules:
            return 0
        counted = self._counted(now)
        held = {(each.person, each.rule, each.tool) for each in self._state.tightenings.held(now)}
        longest = timedelta(seconds=max(rule.within_seconds for rule in rules))
        calls = sorted((each for each in self._calls.since(now - longest) if is_of_caller(each.reason)), key=_person)
        made = 0
        for person, theirs in groupby(calls, key=_person):
            blocked = [Blocked(each.at, each.tool, each.audit_id) for each in theirs]
            for each in due(rules, blocked, counted.get(person, ()), now):
                if (person, each.rule.name, each.tool) not in held:
                    made += self._add(event_of(each, self._new_id(), person, now))
        return made

    def _add(self, event: TighteningEvent) -> int:
        if self._keyring.principal_of(event.caller) is None:
            return 0
        self._append(written(event))
        self._met.add(event.id)
        self._state.tightenings.add(_kept(event))
        self._tightened(1)
        return 1

    def _counted(self, now: datetime) -> dict[str, list[Counted]]:
        found: dict[str, list[Counted]] = {}
        for each in self._state.tightenings.since(now - LONGEST):
            if each.person is not None:
                found.setdefault(each.person, []).append(counted_by(each, each.person))
        return found


def _kept(event: TighteningEvent) -> Tightening:
    return Tightening(
        event.id,
        event.caller,
        event.tool,
        event.audit_id,
        event.because,
        event.at,
        event.until,
        rule=event.rule,
        strict=event.strict,
    )


def _event_in(line: bytes) -> TighteningEvent | None:
    try:
        return msgspec.json.decode(line, type=TighteningEvent)
    except msgspec.DecodeError:
        return None


def _person(call: BlockedCall) -> str:
    return call.person
