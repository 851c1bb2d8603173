"""Keeping the state in order: the erased go however they were erased, old rows go, workers are told."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.live_flags import LiveFlags
from gateway.office.feedback.feedback import Feedback
from gateway.office.state_keeping import StateKeeping
from gateway.settings import Loaded, Retention, Settings
from identity.keyring import Keyring
from storage.journal_tail import JournalTail
from storage.state.records import Card, FlagOverride, KeptResult, Task
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from tests.builders.people import keyring_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Kept:
    """The keeping of a data folder, with a clock that tests set."""

    def __init__(self, data: Path, keyring: Keyring) -> None:
        self.now = NOON
        self.keyring = keyring
        self.state = State(data)
        self.state.open(brought_up_to_date)
        self.path = data / "pushed.json"
        feedback = Feedback(self.state, JournalTail(data / "journal"), keyring, lambda _: None, now=lambda: self.now)
        days = Retention(events_days=30, feedback_days=10)
        flags = LiveFlags(Loaded(Settings(), None), {})
        self.keeping = StateKeeping(self.state, keyring, feedback, self.path, flags, days, now=lambda: self.now)

    def rated(self, principal: str) -> str:
        person = self.keyring.person(principal).pseudonym
        self.state.cards.meet(person, self.now)
        self.state.cards.put(Card(person, "A-1", self.now, 5, "a note that nobody may find"))
        return person


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    with keyring_of(tmp_path) as keyring:
        kept = Kept(tmp_path, keyring)
        yield kept
        kept.state.close()


def test_who_was_erased_while_nobody_looked_is_taken_out_at_the_start(kept: Kept) -> None:
    ada, bob = kept.rated("key:ada"), kept.rated("key:bob")
    kept.keyring.erase("key:ada")
    kept.keeping.start()
    assert kept.state.cards.find(ada, "A-1") is None
    assert kept.state.cards.find(bob, "A-1") is not None
    assert ada not in kept.path.read_text()


def test_an_older_copy_of_the_state_does_not_bring_the_erased_back(kept: Kept, tmp_path: Path) -> None:
    ada = kept.rated("key:ada")
    kept.keyring.erase("key:ada")
    kept.keeping.start()
    kept.state.cards.put(Card(ada, "A-1", NOON, 5))
    Kept(tmp_path, kept.keyring).keeping.start()
    assert kept.state.cards.find(ada, "A-1") is None


def test_who_is_erased_by_another_process_is_taken_out_soon(kept: Kept) -> None:
    kept.keeping.start()
    ada = kept.rated("key:ada")
    kept.now += timedelta(minutes=1)
    kept.keeping.run()
    assert ada in kept.path.read_text()
    kept.keyring.erase("key:ada")
    kept.keeping.run()
    assert kept.state.cards.count() == 0
    assert ada not in kept.path.read_text()
    assert b"a note that nobody may find" not in kept.path.with_name("state.db").read_bytes()


def test_taking_somebody_out_reaches_what_the_workers_were_told_at_once(kept: Kept) -> None:
    ada = kept.rated("key:ada")
    kept.keeping.start()
    assert kept.keeping.pushed.standing("key:ada").style.temperature == 0.1
    kept.keeping.take_out(ada)
    assert ada not in kept.path.read_text()
    assert kept.keeping.pushed.standing("key:ada").style.temperature == 0


def test_what_is_too_old_goes_each_by_its_own_limit(kept: Kept) -> None:
    kept.rated("key:ada")
    kept.state.tasks.add(Task("t-1", "p-ada", NOON, b"", NOON, "done"))
    kept.state.kept_results.put(KeptResult("p-ada", "call_1", "A-1", b"", NOON))
    kept.keeping.run()
    assert (kept.state.cards.count(), len(kept.state.tasks.of("p-ada"))) == (1, 1)
    assert kept.state.kept_results.expire(NOON) == 0
    kept.now = NOON + 11 * DAY
    kept.keeping.run()
    assert (kept.state.cards.count(), len(kept.state.tasks.of("p-ada"))) == (0, 1)
    kept.now = NOON + 31 * DAY
    kept.keeping.run()
    assert kept.state.tasks.of("p-ada") == []


def test_overrides_of_before_hold_from_the_start(kept: Kept) -> None:
    kept.state.flag_overrides.put(FlagOverride("STRICT_DEFAULT", "on", NOON, "admin"))
    kept.keeping.start()
    assert kept.keeping.live_flags.flags.on("STRICT_DEFAULT")
    assert kept.keeping.flags_now().on("STRICT_DEFAULT")
