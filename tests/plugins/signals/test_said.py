"""Who said what: the last turn, what tools gave since, what came before."""

from gateway import Turn
from plugins.signals.said import NOTHING_SAID, Said, said


def test_one_question_has_no_context() -> None:
    assert said([Turn("system", "Be kind."), Turn("user", "Why?")][::-1], 100) == Said("Why?")


def test_the_last_turn_stands_apart_from_the_earlier_ones() -> None:
    turns = [Turn("user", "One?"), Turn("assistant", "1."), Turn("user", "Two?")]
    assert said(reversed(turns), 100) == Said("Two?", "", "One?", True)


def test_turns_of_the_user_that_follow_each_other_are_one() -> None:
    assert said(reversed([Turn("user", "Read this:"), Turn("user", "A text.")]), 100) == Said("Read this:\nA text.")


def test_what_tools_gave_since_the_last_turn_is_kept_apart() -> None:
    turns = [
        Turn("user", "Weather?"),
        Turn("assistant", ""),
        Turn("tool", "Rain."),
        Turn("assistant", ""),
        Turn("tool", "Wind."),
    ]
    assert said(reversed(turns), 100) == Said("Weather?", "Rain.\nWind.", "", True)


def test_what_tools_gave_before_the_last_turn_is_earlier() -> None:
    turns = [Turn("user", "Weather?"), Turn("tool", "Rain."), Turn("assistant", "Rain."), Turn("user", "Thanks.")]
    assert said(reversed(turns), 100) == Said("Thanks.", "", "Weather?\nRain.", True)


def test_a_picture_is_context() -> None:
    assert said([Turn("user", "What is this?", True)], 100).in_context


def test_the_newest_is_read_first_and_no_more_than_so_much() -> None:
    turns = [
        Turn("user", "a" * 90),
        Turn("assistant", ""),
        Turn("user", "b" * 90),
        Turn("assistant", ""),
        Turn("user", "c" * 90),
    ]
    found = said(reversed(turns), 100)
    assert (found.last, found.earlier) == ("c" * 90, f"{'b' * 5}\n{'b' * 5}")


def test_of_a_long_turn_both_ends_are_read() -> None:
    found = said([Turn("user", "begin" + "-" * 1000 + "end")], 100)
    assert found.last.startswith("begin") and found.last.endswith("end")
    assert len(found.last) == 101


def test_nothing_said_is_nothing() -> None:
    assert said([Turn("system", "Be kind."), Turn("assistant", "Hello.")], 100) == NOTHING_SAID
