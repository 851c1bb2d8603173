"""Cards: one for each rater and exchange, found again by time and person."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from storage.state.records import Card, Rating
from storage.state.state import State

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WHOLE = Card("p-ada", "A-1", NOW, 5, "well said", ("tone", "length"), "sub", "c0ffee", True, True)


def rated(state: State, person: str, action: str, at: datetime, rating: int = 4, disagrees: bool = False) -> None:
    state.cards.meet(person, at)
    state.cards.put(Card(person, action, at, rating, disagrees=disagrees))


def test_a_card_comes_back_as_it_was_given(state: State) -> None:
    state.cards.put(WHOLE)
    assert state.cards.find("p-ada", "A-1") == WHOLE
    assert state.cards.find("p-bob", "A-1") is None


def test_the_last_card_of_a_rater_for_an_exchange_counts(state: State) -> None:
    rated(state, "p-ada", "A-1", NOW, 1)
    rated(state, "p-ada", "A-1", NOW + HOUR, 5)
    rated(state, "p-bob", "A-1", NOW, 3)
    assert state.cards.count() == 2
    assert state.cards.of("p-ada", NOW) == [Rating("p-ada", NOW + HOUR, 5, False, NOW)]


def test_ratings_are_found_from_a_moment_on(state: State) -> None:
    rated(state, "p-ada", "A-1", NOW - HOUR)
    rated(state, "p-ada", "A-2", NOW)
    rated(state, "p-bob", "A-3", NOW + HOUR)
    assert {(each.person, each.at) for each in state.cards.since(NOW)} == {("p-ada", NOW), ("p-bob", NOW + HOUR)}
    assert len(state.cards.of("p-ada", NOW - HOUR)) == 2


def test_moments_are_the_same_whatever_their_zone(state: State) -> None:
    tokyo = timezone(timedelta(hours=9))
    rated(state, "p-ada", "A-1", NOW.astimezone(tokyo))
    (found,) = state.cards.since(NOW)
    assert (found.at, found.at.tzinfo) == (NOW, UTC)


def test_a_moment_without_a_zone_is_refused(state: State) -> None:
    with pytest.raises(OSError, match="time zone"):
        state.cards.meet("p-ada", NOW.replace(tzinfo=None))


def test_disagreements_are_counted_after_a_moment(state: State) -> None:
    rated(state, "p-ada", "A-1", NOW, 1, disagrees=True)
    rated(state, "p-ada", "A-2", NOW + HOUR, 1, disagrees=True)
    rated(state, "p-ada", "A-3", NOW + HOUR, 1)
    rated(state, "p-bob", "A-4", NOW + HOUR, 1, disagrees=True)
    assert state.cards.disagreements("p-ada", NOW) == 1
    assert state.cards.disagreements("p-ada", NOW - HOUR) == 2


def test_old_cards_are_taken_away(state: State) -> None:
    rated(state, "p-ada", "A-1", NOW - HOUR)
    rated(state, "p-ada", "A-2", NOW)
    assert state.cards.expire(NOW) == 1
    assert state.cards.count() == 1


def test_a_rater_is_known_from_the_first_card_on_as_long_as_there_are_any(state: State) -> None:
    rated(state, "p-ada", "A-1", NOW - HOUR)
    rated(state, "p-ada", "A-2", NOW)
    state.cards.expire(NOW)
    rated(state, "p-ada", "A-3", NOW + HOUR)
    assert {each.met for each in state.cards.since(NOW)} == {NOW - HOUR}
    state.cards.expire(NOW + 2 * HOUR)
    rated(state, "p-ada", "A-4", NOW + 3 * HOUR)
    assert {each.met for each in state.cards.since(NOW)} == {NOW + 3 * HOUR}
