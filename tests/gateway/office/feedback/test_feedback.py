"""Cards and what comes of them as time goes by, on both databases."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.office.feedback.card import CardSent
from gateway.office.feedback.feedback import MOST_DISAGREEMENTS, Feedback
from gateway.office.refusing import Refused
from gateway.testing import a_caller
from identity.keyring import Keyring
from storage.bundles import Search
from storage.state.feedback_tables import ALL
from storage.state.state import State
from tests.builders.people import keyring_of
from tests.storage.state.conftest import address, opened, postgresql, state

__all__ = ["address", "opened", "postgresql", "state"]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADA, BOB = a_caller(principal="key:ada"), a_caller(principal="key:bob")


class Records:
    """Every audit id is an exchange of whoever its first part names; `X` in it says that the policy changed it."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def find(self, audit_id: str) -> bytes | None:
        caller = self._keyring.pseudonym_of(f"key:{audit_id.partition('-')[0]}")
        changes = [{"hook": "shape"}] if "X" in audit_id else []
        return msgspec.json.encode({"event": "ended", "audit_id": audit_id, "caller": caller, "changes": changes})

    def listed(self, search: Search, limit: int) -> list[bytes]:
        return []


class Told:
    """A feedback with a clock that tests set, and the events that it left."""

    def __init__(self, state: State, keyring: Keyring) -> None:
        self.now = NOON
        self.events: list[dict[str, object]] = []
        self.state = state
        self.keyring = keyring
        self.feedback = Feedback(state, Records(keyring), keyring, self._append, now=lambda: self.now)

    def _append(self, event: bytes) -> None:
        self.events.append(msgspec.json.decode(event))

    def named(self, event: str) -> list[dict[str, object]]:
        return [each for each in self.events if each["event"] == event]

    def disagree(self, times: Sequence[int]) -> None:
        for number in times:
            self.feedback.rate(ADA, CardSent(f"ada-X-{number:05d}", 1))


@pytest.fixture
def told(state: State, tmp_path: Path) -> Iterator[Told]:
    with keyring_of(tmp_path) as keyring:
        for caller in (ADA, BOB):
            keyring.person(caller.principal)
        yield Told(state, keyring)


def test_a_card_moves_the_rater_at_once_and_no_one_else(told: Told) -> None:
    lut = told.feedback.rate(ADA, CardSent("ada-00001", 4))
    assert (lut.version, lut.style.temperature_delta, lut.style.memory_write_boost) == (1, 0.05, 0.1)
    assert lut.updated_ms == int(NOON.timestamp() * 1000)
    assert told.feedback.lut(ADA) == lut
    assert told.feedback.lut(BOB).version == 0


def test_a_neutral_card_is_kept_and_moves_nothing(told: Told) -> None:
    lut = told.feedback.rate(ADA, CardSent("ada-00001", 3))
    assert lut.style.temperature_delta == 0
    assert told.feedback.health().items == 1


def test_a_card_is_told_to_the_journal_before_it_is_kept(told: Told) -> None:
    told.state.close()
    with pytest.raises(OSError, match="is not open"):
        told.feedback.rate(ADA, CardSent("ada-00001", 4))
    assert [event["event"] for event in told.events] == ["feedback"]


def test_a_day_later_a_rating_counts_no_more(told: Told) -> None:
    told.feedback.rate(ADA, CardSent("ada-00001", 5))
    told.feedback.reckon()
    told.now += timedelta(hours=23, minutes=59)
    assert told.feedback.reckon()
    assert told.feedback.lut(ADA).style.temperature_delta == 0.1
    told.now += timedelta(minutes=2)
    assert told.feedback.reckon()
    lut = told.feedback.lut(ADA)
    assert (lut.version, lut.style.temperature_delta) == (2, 0)


def test_tables_are_reckoned_after_a_card_and_else_once_a_minute(told: Told) -> None:
    assert told.feedback.reckon()
    assert not told.feedback.reckon()
    told.feedback.rate(ADA, CardSent("ada-00001", 5))
    assert told.feedback.reckon()
    assert not told.feedback.reckon()
    told.now += timedelta(minutes=1)
    assert told.feedback.reckon()


def test_reckoning_again_is_no_change(told: Told) -> None:
    told.feedback.rate(ADA, CardSent("ada-00001", 5))
    for _ in range(3):
        told.now += timedelta(minutes=2)
        told.feedback.reckon()
    assert told.feedback.lut(ADA).version == 1
    assert told.state.feedback_tables.of(ALL) is None


def test_keys_that_were_passed_through_count_for_all_a_day_after_their_first_card(told: Told) -> None:
    raters = [a_caller(principal=f"key:r{number}", tier="T1") for number in range(10)]
    for day in range(2):
        for rater in raters:
            told.keyring.person(rater.principal)
            told.feedback.rate(rater, CardSent(f"{rater.principal[4:]}-{day:05d}", 5))
        told.feedback.reckon()
        moved = told.feedback.lut(BOB).style.temperature_delta
        assert (moved > 0) is (day == 1)
        told.now += timedelta(hours=24)


def test_five_ratings_against_the_policy_are_borne_and_the_sixth_locks(told: Told) -> None:
    told.disagree(range(MOST_DISAGREEMENTS))
    assert told.state.locks.held() == []
    told.disagree([MOST_DISAGREEMENTS])
    (lock,) = told.state.locks.held()
    assert lock.person == told.keyring.pseudonym_of(ADA.principal)
    told.disagree([7, 8])
    assert len(told.named("lock")) == 1


def test_the_same_exchange_rated_again_and_again_speaks_once(told: Told) -> None:
    told.disagree([1] * 10)
    assert told.state.locks.held() == []


def test_ratings_against_the_policy_on_different_days_do_not_add_up(told: Told) -> None:
    told.disagree(range(4))
    told.now += timedelta(hours=24)
    told.disagree(range(10, 14))
    assert told.state.locks.held() == []


def test_who_was_released_begins_anew(told: Told) -> None:
    told.disagree(range(6))
    person = told.keyring.person(ADA.principal).pseudonym
    told.now += timedelta(minutes=1)
    assert told.feedback.release(person, "admin")
    assert not told.feedback.release(person, "admin")
    told.now += timedelta(minutes=1)
    told.disagree(range(10, 15))
    assert told.state.locks.held() == []
    told.disagree([15])
    assert [lock.person for lock in told.state.locks.held()] == [person]
    assert [len(told.named(name)) for name in ("lock", "lock_released")] == [2, 1]


def test_somebody_whom_nobody_knows_has_rated_nothing(told: Told) -> None:
    stranger = a_caller(principal="key:stranger")
    assert told.feedback.lut(stranger).version == 0
    assert told.keyring.pseudonym_of("key:stranger") is None
    with pytest.raises(Refused):
        told.feedback.rate(stranger, CardSent("stranger-00001", 5))


def test_a_card_of_somebody_who_is_erased_meanwhile_is_not_taken(told: Told) -> None:
    told.feedback.rate(ADA, CardSent("ada-00001", 5))
    person = told.keyring.person(ADA.principal).pseudonym
    told.keyring.erase(ADA.principal)
    assert told.feedback.take_out([person]) == 3
    with pytest.raises(Refused):
        told.feedback.rate(ADA, CardSent("ada-00001", 5))
    assert told.feedback.reckon()
    assert told.state.cards.count() == 0
    assert told.state.feedback_tables.of(person) is None


def test_reckoning_that_takes_long_is_done_less_often(state: State, tmp_path: Path) -> None:
    moments = iter([NOON, NOON + timedelta(seconds=10), NOON + timedelta(seconds=199), NOON + timedelta(seconds=200)])
    with keyring_of(tmp_path) as keyring:
        feedback = Feedback(
            state, Records(keyring), keyring, lambda _: None, now=lambda: next(moments, NOON + timedelta(seconds=201))
        )
        assert feedback.reckon()
        assert not feedback.reckon()
        assert feedback.reckon()
