"""A level is a number between 0 and 1 of a signal that is known."""

import pytest

from policies.modulation import SIGNALS, SignalError, checked_levels
from policies.modulation.signals import levels_in_order


def test_levels_outside_are_clamped() -> None:
    assert checked_levels({"stress": 1.5, "trust": -1, "urgency": 0.5}) == {"stress": 1.0, "trust": 0.0, "urgency": 0.5}


@pytest.mark.parametrize(
    ("name", "level", "message"),
    [
        ("stres", 0.5, "Unknown signal 'stres'; known: alignment_risk, stress, .* Did you mean 'stress'"),
        ("x" * 500, 0.5, r"Unknown signal 'x{100}';"),
        ("stress", float("nan"), "The level of stress is not a number"),
        ("stress", True, "not a number"),
        ("stress", "high", "not a number"),
    ],
)
def test_what_is_no_level_of_a_signal_is_refused_with_a_clear_error(name: str, level: float, message: str) -> None:
    with pytest.raises(SignalError, match=message):
        checked_levels({name: level})


def test_the_precedence_is_that_of_the_specification() -> None:
    assert SIGNALS == ("alignment_risk", "stress", "ambiguity", "urgency", "novelty", "trust")
    assert levels_in_order({"trust": 0.6, "alignment_risk": 0.1, "stress": 9}) == (0.1, 1.0, 0.0, 0.0, 0.0, 0.6)
