"""Levels from different places become one."""

from plugins.signals.fading import left_after
from plugins.signals.found import NOTHING_FOUND, Found, together


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
