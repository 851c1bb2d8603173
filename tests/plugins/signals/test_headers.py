"""What clients say of themselves is read strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.signals.headers import HeaderError, deadline_of, levels_of


def test_levels_are_read_with_and_without_spaces() -> None:
    assert levels_of(b"alignment_risk=0.6, urgency=0.3") == {"alignment_risk": 0.6, "urgency": 0.3}
    assert levels_of(b"stress=1,novelty = 0") == {"stress": 1.0, "novelty": 0.0}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"mood=0.5", "names a signal that there is not; known: alignment_risk, stress"),
        (b"trust=0.9", "names trust"),
        (b"urgency=nan", "must give urgency a level from 0 to 1"),
        (b"urgency=inf", "must give urgency"),
        (b"urgency=1.1", "must give urgency"),
        (b"urgency=-0.1", "must give urgency"),
        (b"urgency=1e-1", "must give urgency"),
        (b"urgency=0_1", "must give urgency"),
        (b"urgency=.5", "must give urgency"),
        (b"urgency=\xb2", "must give urgency"),
        (b"urgency=", "must give urgency"),
        (b"urgency", "must have the form"),
        (b"", "must have the form"),
        (b"urgency=0.1,", "must have the form"),
        (b"urgency=0.1, urgency=0.2", "twice"),
        (b"Urgency=0.1", "names a signal that there is not"),
        (b"urgency=0." + b"1" * 500, "longer than"),
    ],
)
def test_what_is_no_level_is_refused_with_the_reason(value: bytes, says: str) -> None:
    with pytest.raises(HeaderError, match=says):
        levels_of(value)


def test_a_message_repeats_nothing_of_what_was_sent() -> None:
    with pytest.raises(HeaderError) as error:
        levels_of(b"sk-secret=0.5")
    assert "sk-secret" not in str(error.value)


def test_a_deadline_is_a_number_of_seconds() -> None:
    assert (deadline_of(b"20"), deadline_of(b" 1.5 ")) == (20.0, 1.5)
    for value in (b"soon", b"-1", b"", b"1e3", b"nan", b"9" * 500):
        with pytest.raises(HeaderError, match="x-lukhas-deadline must be a number of seconds"):
            deadline_of(value)


@given(st.binary(max_size=60))
def test_nothing_else_is_raised_and_no_level_is_out_of_range(value: bytes) -> None:
    try:
        levels = levels_of(value)
    except HeaderError:
        return
    assert all(0.0 <= level <= 1.0 for level in levels.values())
