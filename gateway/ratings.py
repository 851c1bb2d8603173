"""What ratings come to: a mean for each rater and one for all, and the bounded change of style that a mean stands for.

Pure functions. Why the mean of all is made so, and what it withstands, says `docs/decisions/010-feedback.md`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from math import fsum

from policies.modulation import StyleDelta
from storage.state.records import Rating

WINDOW = timedelta(hours=24)
HALF_LIFE = timedelta(hours=6)
OLD_ENOUGH = timedelta(hours=24)
FEWEST = 10
"""So many raters have to count before there is a mean of all."""
PLENTY = 25
"""From so many on it has its full weight: a rater is then a tenth of it at most."""
LEFT_OUT = 5
"""One in so many raters is left out, at the end that the mean leans to."""
NEUTRAL = 3
TEMPERATURE = 0.1
TOP_P = 0.1
MEMORY_WRITE = 0.2
VERBOSITY = 0.2
_DIGITS = 6


def mean_of(ratings: Iterable[Rating], now: datetime) -> float:
    """Gives the mean of the last day, -1 to 1, in which a rating weighs half as much every six hours."""
    weighed = [(_weight(each, now), each.rating - NEUTRAL) for each in ratings if now - each.at < WINDOW]
    total = fsum(weight for weight, _ in weighed)
    return round(fsum(weight * centred for weight, centred in weighed) / (2 * total), _DIGITS) if total else 0.0


def means_of_raters(ratings: Iterable[Rating], now: datetime) -> dict[str, float]:
    """Gives the mean of each rater who rated within the last day."""
    return {person: mean_of(theirs, now) for person, theirs in _by_rater(ratings, now)}


def means_that_count(ratings: Iterable[Rating], now: datetime) -> list[float]:
    """Gives the means of the raters who count for all: proven ones, and those who rated a day ago already."""
    return [mean_of(theirs, now) for _, theirs in _by_rater(ratings, now) if any(_counts(each, now) for each in theirs)]


def mean_of_all(means: Sequence[float]) -> float:
    """Gives the mean of all raters who count, each of them heard once, -1 to 1.

    A fifth of them can never move it further from 0 than the others do, and one moves it by a tenth at most.
    """
    if len(means) < FEWEST:
        return 0.0
    ordered = sorted(means)
    kept = len(ordered) - len(ordered) // LEFT_OUT
    without_highest = fsum(ordered[:kept]) / kept
    without_lowest = fsum(ordered[-kept:]) / kept
    share = min(1.0, (len(ordered) - FEWEST + 1) / (PLENTY - FEWEST + 1))
    return round(share * (max(0.0, without_highest) + min(0.0, without_lowest)), _DIGITS)


def style_of(own: float, of_all: float) -> StyleDelta:
    """Gives what a rater's own mean and that of all change together, within the bounds of each."""
    return StyleDelta(
        _within(TEMPERATURE, own, of_all),
        _within(TOP_P, own, of_all),
        _within(MEMORY_WRITE, max(0.0, own), max(0.0, of_all)),
        _within(VERBOSITY, own, of_all),
    )


def _within(bound: float, own: float, of_all: float) -> float:
    return round(max(-bound, min(bound, bound * own + bound * of_all)), _DIGITS)


def _weight(rating: Rating, now: datetime) -> float:
    age = max(timedelta(0), now - rating.at) / HALF_LIFE
    return float(0.5**age)


def _counts(rating: Rating, now: datetime) -> bool:
    return rating.proven or now - rating.met >= OLD_ENOUGH


def _by_rater(ratings: Iterable[Rating], now: datetime) -> Iterable[tuple[str, list[Rating]]]:
    recent = sorted((each for each in ratings if now - each.at < WINDOW), key=_person)
    return ((person, list(theirs)) for person, theirs in groupby(recent, key=_person))


def _person(rating: Rating) -> str:
    return rating.person
