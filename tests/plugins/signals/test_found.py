"""Levels from different places become one."""

from itertools import pairwise

from plugins.signals.fading import left_after
from plugins.signals.found import NOTHING_FOUND, Found, plain, together


def test_each_is_a_chance_of_its_own() -> None:
    assert together(Found(0.5, "a"), NOTHING_FOUND, Found(0.5, "b")) == Found(0.75, "a; b")
    assert together() == together(NOTHING_FOUND) == NOTHING_FOUND


def test_what_has_hardly_a_part_in_it_is_counted_and_not_named() -> None:
    found = together(Found(0.05, "a"), Found(0.5, "b"), Found(0.1, "c"))
    assert found.because == "b; c"
    assert found.level > together(Found(0.5, "b"), Found(0.1, "c")).level
    assert together(Found(0.05, "a")).because == "a"


def test_half_is_left_after_a_half_life_and_all_before_it_began() -> None:
    assert (left_after(0, 10), left_after(10, 10), left_after(-5, 10)) == (1.0, 0.5, 1.0)


def test_one_word_of_a_feeling_stays_below_what_acts_and_several_rise_to_the_top() -> None:
    assert plain(0.55) < 0.2
    assert plain(0.75) > 0.4
    assert (plain(0.0), plain(1.0)) == (0.0, 1.0)


def test_what_is_made_plain_keeps_its_order() -> None:
    levels = [plain(step / 100) for step in range(101)]
    assert all(low < high for low, high in pairwise(levels))
