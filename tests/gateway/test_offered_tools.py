"""The tools of a request have names in every spelling of the API."""

from typing import Any

import pytest

from gateway.offered_tools import offered_tools


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({"tools": [{"type": "function", "function": {"name": "weather", "parameters": {}}}]}, ["weather"]),
        ({"tools": [{"type": "function", "name": "weather"}, {"type": "web_search"}]}, ["weather", "web_search"]),
        ({"tools": [{"type": "custom", "custom": {"name": "grep"}}]}, ["grep"]),
        ({"functions": [{"name": "old"}]}, ["old"]),
        ({"tools": [{"type": "function", "function": {"name": "x" * 99}}]}, ["x" * 64]),
        ({"tools": [{"type": "t"}] * 500}, ["t"] * 128),
        ({"tools": [5, {}, {"type": 5}, {"type": "function", "function": 5}]}, ["function"]),
        ({"tools": "all"}, []),
        ({}, []),
        ([], []),
        (None, []),
    ],
    ids=range(11),
)
def test_each_tool_is_told_by_its_name(request_: Any, names: list[str]) -> None:
    assert offered_tools(request_) == names
