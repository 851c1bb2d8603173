"""What ratings come to: the formula, its bounds, and what hostile raters can do with it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st

from gateway.ratings import (
    FEWEST,
    MEMORY_WRITE,
    PLENTY,
    TEMPERATURE,
    TOP_P,
    VERBOSITY,
    mean_of,
    mean_of_all,
    means_of_raters,
    means_that_count,
    style_of,
)
from policies.modulation import StyleDelta
from storage.state.records import Rating
from tests.builders.cases import cases, holds

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
ROUNDED = 1e-5
MEANS = st.floats(-1, 1)
EXTREMES = st.sampled_from([-1.0, 1.0])
MOMENTS = st.timedeltas(timedelta(0), timedelta(hours=30)).map(lambda age: NOW - age)
RATINGS = st.builds(
    Rating, st.sampled_from([f"p-{number}" for number in range(30)]), MOMENTS, st.integers(1, 5), st.booleans(), MOMENTS
)


def a_rating(rating: int, age: timedelta = timedelta(0), person: str = "p-ada", **members: object) -> Rating:
    return Rating(person, NOW - age, rating, bool(members.get("proven", True)), members.get("met", LONG_AGO))  # type: ignore[arg-type]


def _with_another_order(ratings: list[Rating]) -> st.SearchStrategy[tuple[list[Rating], list[Rating]]]:
    return st.permutations(ratings).map(lambda shuffled: (ratings, shuffled))


def test_the_mean_is_centred_at_three_and_reaches_one() -> None:
    assert mean_of([a_rating(3)], NOW) == 0
    assert mean_of([a_rating(5)], NOW) == 1
    assert mean_of([a_rating(1)], NOW) == -1
    assert mean_of([a_rating(4), a_rating(3)], NOW) == 0.25
    assert mean_of([], NOW) == 0


def test_a_rating_weighs_half_as_much_after_six_hours() -> None:
    assert mean_of([a_rating(5), a_rating(3, timedelta(hours=6))], NOW) == pytest.approx(2 / 3, abs=ROUNDED)
    assert mean_of([a_rating(5), a_rating(1, timedelta(hours=12))], NOW) == pytest.approx(0.6, abs=ROUNDED)


def test_a_rating_counts_for_a_day() -> None:
    assert mean_of([a_rating(5, timedelta(hours=24))], NOW) == 0
    assert mean_of([a_rating(5, timedelta(hours=23, minutes=59))], NOW) == 1


def test_a_clock_that_was_set_back_gives_no_rating_more_weight() -> None:
    ahead = a_rating(5, -timedelta(hours=12))
    assert mean_of([ahead, a_rating(1)], NOW) == 0


def test_each_rater_has_a_mean_of_their_own() -> None:
    ratings = [a_rating(5), a_rating(1, person="p-bob"), a_rating(3), a_rating(5, timedelta(days=2), "p-cleo")]
    assert means_of_raters(ratings, NOW) == {"p-ada": 0.5, "p-bob": -1}


@pytest.mark.parametrize(
    ("proven", "known_for", "counts"),
    [(True, 0, True), (False, 0, False), (False, 23.9, False), (False, 24, True)],
)
def test_proven_raters_count_and_others_after_a_day(proven: bool, known_for: float, counts: bool) -> None:
    rating = a_rating(5, proven=proven, met=NOW - timedelta(hours=known_for))
    assert means_that_count([rating], NOW) == ([1.0] if counts else [])


def test_fewer_than_ten_raters_move_nothing() -> None:
    assert mean_of_all([1.0] * (FEWEST - 1)) == 0
    assert mean_of_all([1.0] * FEWEST) > 0


def test_many_who_agree_are_heard_in_full() -> None:
    assert mean_of_all([1.0] * PLENTY) == 1
    assert mean_of_all([-0.5] * PLENTY) == -0.5


def test_whoever_rates_often_is_heard_once() -> None:
    ratings = [a_rating(5, person="p-loud") for _ in range(1000)]
    ratings += [a_rating(3, person=f"p-{number}") for number in range(PLENTY)]
    assert len(means_that_count(ratings, NOW)) == PLENTY + 1


@cases(200)
def test_one_rater_more_moves_the_mean_of_all_by_a_tenth_at_most(cases: int) -> None:
    def claim(means: list[float], one: float) -> None:
        assert abs(mean_of_all([*means, one]) - mean_of_all(means)) <= 0.1 + ROUNDED

    holds(claim, cases, st.lists(MEANS, min_size=1, max_size=120), MEANS)


@cases(200)
def test_one_rater_who_changes_their_mind_moves_it_by_a_tenth_at_most(cases: int) -> None:
    def claim(others: list[float], before: float, after: float) -> None:
        assert abs(mean_of_all([*others, before]) - mean_of_all([*others, after])) <= 0.1 + ROUNDED

    holds(claim, cases, st.lists(MEANS, max_size=120), MEANS, MEANS)


@pytest.mark.parametrize("count", range(1, 100))
def test_the_loudest_single_voice_stays_below_a_tenth_for_every_number_of_raters(count: int) -> None:
    for split in range(count + 1):
        others = [-1.0] * split + [1.0] * (count - split)
        moved = [abs(mean_of_all([*others, voice]) - mean_of_all(others)) for voice in (-1.0, 1.0)]
        changed = abs(mean_of_all([*others, -1.0]) - mean_of_all([*others, 1.0]))
        assert max(*moved, changed) <= 0.1 + ROUNDED


@cases(200)
def test_a_fifth_who_are_hostile_can_weaken_the_mean_of_the_others_and_never_push_it(cases: int) -> None:
    def claim(honest: list[float], share: float, extreme: float) -> None:
        hostile = round(share * (len(honest) // 4))
        moved = mean_of_all([*honest, *[extreme] * hostile])
        theirs = sum(honest) / len(honest)
        assert min(0.0, theirs) - ROUNDED <= moved <= max(0.0, theirs) + ROUNDED

    holds(claim, cases, st.lists(MEANS, min_size=8, max_size=120), st.floats(0, 1), EXTREMES)


@cases(200)
def test_with_a_fifth_who_are_hostile_all_stays_within_half_the_bounds(cases: int) -> None:
    def claim(honest: list[float], extreme: float) -> None:
        style = style_of(0.0, mean_of_all([*honest, *[extreme] * (len(honest) // 4)]))
        assert abs(style.temperature) <= TEMPERATURE / 2 + ROUNDED
        assert abs(style.top_p) <= TOP_P / 2 + ROUNDED
        assert style.memory_write <= MEMORY_WRITE / 2 + ROUNDED
        assert abs(style.verbosity) <= VERBOSITY / 2 + ROUNDED

    holds(claim, cases, st.lists(st.floats(-0.5, 0.5), min_size=8, max_size=120), EXTREMES)


@cases(100)
def test_no_ratings_at_all_leave_the_bounds(cases: int) -> None:
    def claim(ratings: list[Rating]) -> None:
        of_all = mean_of_all(means_that_count(ratings, NOW))
        assert -1 <= of_all <= 1
        for own in means_of_raters(ratings, NOW).values():
            style = style_of(own, of_all)
            assert abs(style.temperature) <= TEMPERATURE
            assert abs(style.top_p) <= TOP_P
            assert 0 <= style.memory_write <= MEMORY_WRITE
            assert abs(style.verbosity) <= VERBOSITY

    holds(claim, cases, st.lists(RATINGS, max_size=100))


@cases(50)
def test_the_order_of_ratings_says_nothing(cases: int) -> None:
    def claim(ratings: list[Rating], shuffled: list[Rating]) -> None:
        assert means_of_raters(shuffled, NOW) == means_of_raters(ratings, NOW)
        assert mean_of_all(means_that_count(shuffled, NOW)) == mean_of_all(means_that_count(ratings, NOW))

    holds(lambda both: claim(*both), cases, st.lists(RATINGS, max_size=60).flatmap(_with_another_order))


def test_ones_own_and_all_are_added_and_bounded_once_more() -> None:
    assert style_of(0.5, 0.25) == StyleDelta(0.075, 0.075, 0.15, 0.15)
    assert style_of(1, 1) == StyleDelta(0.1, 0.1, 0.2, 0.2)
    assert style_of(-1, 0.5) == StyleDelta(-0.05, -0.05, 0.1, -0.1)
    assert style_of(-1, -1) == StyleDelta(-0.1, -0.1, 0.0, -0.2)
