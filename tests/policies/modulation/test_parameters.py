"""Which of two values is tighter does not depend on a policy."""

from typing import Any

import pytest

from policies.modulation import PARAMETERS
from policies.modulation.parameters import shown, tighter_of


@pytest.mark.parametrize(
    ("name", "one", "other", "tighter"),
    [
        ("temperature", 0.2, 0.3, 0.2),
        ("max_output_tokens", 700, 300, 300),
        ("safety_mode", "creative", "balanced", "balanced"),
        ("safety_mode", "strict", "creative", "strict"),
        ("tool_allowlist", frozenset("ab"), frozenset("bc"), frozenset("b")),
    ],
)
def test_the_tighter_of_two(name: str, one: Any, other: Any, tighter: Any) -> None:
    parameter = next(each for each in PARAMETERS if each.name == name)
    assert tighter_of(parameter, one, other) == tighter_of(parameter, other, one) == tighter


def test_no_policy_may_write_more_than_a_model_takes_by_itself() -> None:
    highest = {parameter.name: parameter.highest for parameter in PARAMETERS}
    assert (highest["temperature"], highest["top_p"]) == (1.0, 1.0)


def test_lists_are_shown_in_order() -> None:
    assert shown(frozenset("cab")) == ("a", "b", "c")
