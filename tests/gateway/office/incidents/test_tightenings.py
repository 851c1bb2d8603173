"""Tightenings in the office: counted over all workers, kept, taken over from workers, never made twice."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.hooks import PLUGIN_FAILED
from gateway.office.incidents.tightenings import Tightenings
from identity.keyring import Keyring
from policies.tightening import TighteningRule
from storage.blocked_calls import BlockedCalls
from storage.state.records import Tightening
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from storage.state.state_error import StateError
from storage.warehouse import Warehouse
from tests.builders.people import keyring_of
from tests.builders.segments import Writer, moment

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REPEATED = TighteningRule("repeated", 3, 600, 3600)


class Kept:
    """The tightenings of a data folder, with a clock that tests set."""

    def __init__(self, data: Path, keyring: Keyring) -> None:
        self.now = NOON
        self.data = data
        self.keyring = keyring
        self.rules: Sequence[TighteningRule] = (REPEATED,)
        self.events: list[bytes] = []
        self.pushes = 0
        self.made = 0
        self.looks = 0
        self.state = State(data)
        self.state.open(brought_up_to_date)
        self.warehouse = Warehouse(data)
        self.warehouse.open()
        self._writers: dict[str, Writer] = {}
        self.tightenings = self.begun()

    def begun(self) -> Tightenings:
        """Those of an office that has just been started."""
        return Tightenings(
            lambda: self.rules,
            self.state,
            BlockedCalls(self.warehouse),
            self.keyring,
            news=lambda: self.looks,
            append=self.events.append,
            push=self._push,
            tightened=self._count,
            now=lambda: self.now,
        )

    def person(self, principal: str = "key:ada") -> str:
        return self.keyring.person(principal).pseudonym

    def blocked(self, times: int = 1, worker: str = "worker-0", who: str = "key:ada", reason: str = "x") -> None:
        for _ in range(times):
            self.now += timedelta(seconds=1)
            line = {"audit_id": "A-1", "caller": self.person(who), "tool": "browser", "reason": reason}
            self.line(worker, event="incident", **line)

    def line(self, worker: str = "worker-0", *, event: str, **members: Any) -> None:
        if worker not in self._writers:
            self._writers[worker] = Writer(self.data, worker)
            self._writers[worker].segment()
        self._writers[worker].append({"event": event, "at": moment(0, self.now), **members})

    def looked(self) -> list[Tightening]:
        """What holds after the office has looked."""
        self.warehouse.catch_up()
        self.looks += 1
        self.tightenings.run()
        return self.tightenings.held()

    def _push(self) -> None:
        self.pushes += 1

    def _count(self, times: int) -> None:
        self.made += times


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    with keyring_of(tmp_path) as keyring:
        kept = Kept(tmp_path, keyring)
        yield kept
        kept.warehouse.close()
        kept.state.close()


def test_calls_that_were_blocked_in_different_workers_are_counted_together(kept: Kept) -> None:
    kept.blocked(2)
    assert kept.looked() == []
    kept.blocked(1, worker="worker-1")
    (held,) = kept.looked()
    assert (held.person, held.tool, held.rule, held.cause) == (kept.person(), "browser", "repeated", "A-1")
    assert held.until == held.since + timedelta(seconds=3600)
    assert (kept.pushes, kept.made, len(kept.events)) == (1, 1, 1)


def test_each_caller_is_counted_alone(kept: Kept) -> None:
    kept.blocked(2)
    kept.blocked(2, who="key:bob")
    assert kept.looked() == []


def test_what_the_gateway_itself_is_to_blame_for_counts_for_nobody(kept: Kept) -> None:
    kept.blocked(9, reason=PLUGIN_FAILED)
    assert kept.looked() == []


def test_looking_again_makes_nothing_more(kept: Kept) -> None:
    kept.blocked(3)
    first = kept.looked()
    assert kept.looked() == first
    kept.tightenings = kept.begun()
    assert kept.looked() == first
    assert kept.made == 1


def test_what_a_worker_made_is_kept_and_not_made_again(kept: Kept) -> None:
    kept.blocked(3)
    until = moment(3600, kept.now)
    made = {"id": "T-1", "audit_id": "A-1", "caller": kept.person(), "tool": "browser", "because": "x", "until": until}
    kept.line(event="tightening", rule="repeated", **made)
    assert [each.id for each in kept.looked()] == ["T-1"]
    assert (kept.pushes, kept.made) == (1, 0)
    kept.tightenings = kept.begun()
    assert [each.id for each in kept.looked()] == ["T-1"]


def test_after_a_release_the_same_incidents_tighten_no_more_not_even_after_a_restart(kept: Kept) -> None:
    kept.rules = (REPEATED, TighteningRule("many", 4, 600, 60, withhold="all"))
    kept.blocked(3)
    (held,) = kept.looked()
    kept.now += timedelta(seconds=1)
    assert kept.tightenings.release(held.id, "admin")
    assert not kept.tightenings.release(held.id, "admin")
    assert kept.looked() == []
    kept.tightenings = kept.begun()
    kept.blocked(2)
    assert kept.looked() == []
    kept.blocked(1)
    assert [each.rule for each in kept.looked()] == ["repeated"]


def test_what_a_worker_made_comes_back_neither_after_its_time_nor_after_a_release(kept: Kept) -> None:
    for number, seconds in (("T-1", 60), ("T-2", 3600)):
        until = moment(seconds, kept.now)
        made = {"id": number, "audit_id": "A-1", "caller": kept.person(), "tool": number, "because": "x"}
        kept.line(event="tightening", rule="r", until=until, **made)
    kept.now += timedelta(seconds=61)
    assert [each.id for each in kept.looked()] == ["T-2"]
    kept.tightenings.release("T-2", "admin")
    kept.tightenings = kept.begun()
    assert kept.looked() == []


def test_of_who_was_erased_nothing_comes_back(kept: Kept) -> None:
    kept.blocked(3)
    made = {"id": "T-1", "audit_id": "A-1", "caller": kept.person(), "tool": "browser", "because": "x"}
    kept.line(event="tightening", rule="r", until=moment(3600, kept.now), **made)
    kept.keyring.erase("key:ada")
    assert kept.looked() == []
    assert kept.events == []


def test_while_something_holds_more_calls_do_not_make_it_longer(kept: Kept) -> None:
    kept.blocked(3)
    first = kept.looked()
    kept.blocked(9)
    assert kept.looked() == first


def test_while_there_is_no_news_nobody_is_asked(kept: Kept) -> None:
    kept.blocked(3)
    kept.warehouse.catch_up()
    kept.tightenings.run()
    kept.state.close()
    kept.tightenings.run()
    kept.looks += 1
    with pytest.raises(StateError):
        kept.tightenings.run()


def test_a_line_that_says_nothing_sensible_is_passed_over(kept: Kept) -> None:
    kept.line(event="tightening", id=7)
    kept.blocked(3)
    assert len(kept.looked()) == 1
