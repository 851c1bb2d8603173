"""The pace of the ingest: what is little is taken at once, what is much at fewer turns."""

from gateway.office.pace import MANY_LINES, TURNS_TO_SKIP, Pace


def test_each_turn_is_taken_while_little_comes() -> None:
    pace = Pace()
    for _ in range(3):
        assert pace.is_due()
        pace.took(MANY_LINES, more=False)


def test_turns_go_by_after_a_pass_that_found_much() -> None:
    pace = Pace()
    pace.took(MANY_LINES + 1, more=False)
    assert [pace.is_due() for _ in range(TURNS_TO_SKIP + 2)] == [*[False] * TURNS_TO_SKIP, True, True]


def test_what_is_left_over_is_taken_at_once() -> None:
    pace = Pace()
    pace.took(MANY_LINES + 1, more=True)
    assert pace.is_due()


def test_whoever_takes_in_out_of_turn_begins_the_count_anew() -> None:
    pace = Pace()
    pace.took(MANY_LINES + 1, more=False)
    pace.took(2, more=False)
    assert pace.is_due()
