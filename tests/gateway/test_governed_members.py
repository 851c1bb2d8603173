"""Members that are governed are known in any letters."""

from typing import Any

import pytest

from gateway.governed_members import GOVERNED, disguised


@pytest.mark.parametrize("name", sorted(GOVERNED))
def test_each_governed_name_is_known_in_capitals_and_passes_as_it_is(name: str) -> None:
    assert disguised({"user": "u", name.upper(): 1}) == name.upper()
    assert disguised({"user": "u", name: 1}) is None


def test_letters_that_only_look_alike_are_others() -> None:
    assert disguised({"t\u043eols": 1, "tools_": 2, "": 3}) is None


TOOL: dict[str, Any] = {"type": "function", "function": {"name": "f", "parameters": {"Name": {"Type": "string"}}}}
BELOW: dict[str, dict[str, Any]] = {
    "tools[1].Type": {"tools": [TOOL, {"Type": "function", "name": "f"}]},
    "tools[0].Function": {"tools": [{"type": "function", "Function": {"name": "f"}}]},
    "tools[0].function.NAME": {"tools": [{"type": "function", "function": {"NAME": "f"}}]},
    "tools[0].cu\u017ftom": {"tools": [{"type": "custom", "cu\u017ftom": {"name": "f"}}]},
    "tools[0].Server_Label": {"tools": [{"type": "mcp", "Server_Label": "wiki"}]},
    "tools[0].allowed_tools.Tool_Names": {"tools": [{"type": "mcp", "allowed_tools": {"Tool_Names": ["f"]}}]},
    "tools[0].tools[0].Name": {"tools": [{"type": "namespace", "name": "n", "tools": [{"Name": "f"}]}]},
    "functions[0].Name": {"functions": [{"Name": "f"}]},
    "function_call.Name": {"function_call": {"Name": "f"}},
    "tool_choice.function.Name": {"tool_choice": {"type": "function", "function": {"Name": "f"}}},
    "tool_choice.allowed_tools.Tools": {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"Tools": [TOOL]}}},
    "input[1].Tools": {"input": [{"role": "user"}, {"type": "additional_tools", "Tools": [TOOL]}]},
    "input[0].Type": {"input": [{"Type": "additional_tools", "tools": [TOOL]}]},
    "input[0].tools[0].Name": {"input": [{"type": "tool_search_output", "tools": [{"Name": "f"}]}]},
    "session.tools[0].Name": {"session": {"tools": [{"Name": "f"}]}},
}


@pytest.mark.parametrize("path", BELOW)
def test_what_is_read_of_tools_is_known_in_any_letters_too(path: str) -> None:
    assert disguised({"model": "m", **BELOW[path]}) == path


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"tools": [{"type": "mcp", "server_label": "wiki", "headers": {"Name": "x"}}]},
        {"tools": [None, "f", 5], "functions": {"Name": "f"}, "tool_choice": "auto"},
        {"input": [{"role": "user", "Name": "Ada"}, {"type": "message", "Type": "x"}, "text", None]},
        {"input": [{"type": []}], "session": "s"},
    ],
    ids=range(5),
)
def test_names_that_only_their_sender_reads_are_free(body: dict[str, Any]) -> None:
    assert disguised(body) is None


def test_where_there_are_no_tools_none_is_looked_for() -> None:
    body = BELOW["input[0].Type"]
    assert (disguised(body), disguised(body, tools=False)) == ("input[0].Type", None)
    assert disguised({**body, "MODEL": "m"}, tools=False) == "MODEL"


def test_what_is_nested_without_end_is_looked_at_to_its_depth() -> None:
    tool: dict[str, Any] = {"Name": "f"}
    for _ in range(20):
        tool = {"type": "namespace", "tools": [tool]}
    assert disguised({"tools": [tool]}) is None
