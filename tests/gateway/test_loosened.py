"""In a tool loop nothing of a request gets looser, whoever changes it."""

from typing import Any

import pytest

from gateway.loosened import loosened


def tools(*names: str) -> list[Any]:
    return [{"type": "function", "function": {"name": name}} for name in names]


@pytest.mark.parametrize(
    ("before", "after", "looser"),
    [
        ({"temperature": 0.4}, {"temperature": 0.5}, "temperature"),
        ({"temperature": 0.4}, {}, "temperature"),
        ({}, {"top_p": 1.5}, "top_p"),
        ({"n": 1}, {"n": 2}, "n"),
        ({"max_tokens": 100}, {"max_completion_tokens": 100}, "max_tokens"),
        ({"max_output_tokens": 100}, {"max_output_tokens": "many"}, "max_output_tokens"),
        ({"tools": tools("a")}, {"tools": tools("a", "b")}, "tools"),
        ({}, {"functions": [{"name": "a"}]}, "tools"),
        ({"tools": tools("a"), "tool_choice": "none"}, {"tools": tools("a")}, "tool_choice"),
        ({"functions": [{"name": "a"}], "function_call": "none"}, {"functions": [{"name": "a"}]}, "function_call"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_looser_is_named(before: dict[str, Any], after: dict[str, Any], looser: str) -> None:
    assert loosened(before, after) == looser


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"temperature": 0.4, "top_p": 1, "max_tokens": 5}),
        ({"temperature": "hot"}, {"temperature": "hot", "stop": ["."]}),
        ({"tools": tools("a", "b"), "tool_choice": "none"}, {}),
        ({"tools": tools(*(f"t{number}" for number in range(200)))}, {"tools": tools("t199")}),
    ],
    ids=["set", "unread", "without-tools", "fewer-of-many-tools"],
)
def test_what_is_tighter_or_as_it_was_is_let_through(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert loosened(before, after) is None
