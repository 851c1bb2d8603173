"""The registry knows each tool by its two names, and takes no two of one name."""

import pytest

from gateway.tools.registry import NO_TOOLS, Tool, ToolRegistry

CLOCK = Tool("clock", "tell_time", "Tells the time.", {"type": "object", "properties": {}})


def test_a_tool_is_found_by_its_alias_and_by_the_name_that_models_see() -> None:
    registry = ToolRegistry([CLOCK])
    assert registry.named("clock") is CLOCK
    assert registry.named("tell_time") is CLOCK
    assert registry.named("Clock") is None
    assert NO_TOOLS.named("clock") is None


@pytest.mark.parametrize("twin", [("clock", "other"), ("other", "tell_time")], ids=["alias", "name"])
def test_two_tools_of_one_name_are_refused(twin: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="the same alias or the same name"):
        ToolRegistry([CLOCK, Tool(*twin, "Another.", {})])


def test_a_name_that_no_model_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="no name for a tool"):
        ToolRegistry([Tool("clock", "tell time", "Tells the time.", {})])
