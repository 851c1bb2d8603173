"""What chooses among the tools stays true when some of them leave or get another name."""

from pathlib import Path
from typing import Any

import pytest

from tests.builders.governing import CHAT, RESPONSES, RETRIEVAL, asking, function, governed, governing

ASK = {"x-lukhas-tools": "retrieval"}
MCP = {"type": "mcp", "server_label": "wiki"}


def chosen(body: dict[str, Any], listed: str, folder: Path, path: str) -> Any:
    """Gives the choice that goes out in strict mode, `gone` where there is none."""
    out = governed(governing(folder, f"listed: {listed}"), body, path, safety_mode="strict")
    return out.get("tool_choice", "gone")


def named(name: str, path: str, kind: str = "function") -> dict[str, Any]:
    return {"type": kind, "name": name} if path == RESPONSES else {"type": kind, kind: {"name": name}}


def among(path: str, *tools: dict[str, Any]) -> dict[str, Any]:
    several = {"mode": "required", "tools": list(tools)}
    return (
        {"type": "allowed_tools", **several}
        if path == RESPONSES
        else {"type": "allowed_tools", "allowed_tools": several}
    )


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
@pytest.mark.parametrize("word", ["auto", "none", "required"])
def test_a_word_stays_while_a_tool_is_left(path: str, word: str, tmp_path: Path) -> None:
    body = {"tools": [function("a", path), function("b", path)], "tool_choice": word}
    assert chosen(body, "[b]", tmp_path, path) == word
    assert chosen(body, "[]", tmp_path, path) == "gone"


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_a_choice_of_a_tool_that_left_becomes_auto(path: str, tmp_path: Path) -> None:
    tools = [function("a", path), function("b", path)]
    assert chosen({"tools": tools, "tool_choice": named("a", path)}, "[b]", tmp_path, path) == "auto"
    assert chosen({"tools": tools, "tool_choice": named("b", path)}, "[b]", tmp_path, path) == named("b", path)


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_a_choice_among_some_keeps_those_that_are_left(path: str, tmp_path: Path) -> None:
    a, b = named("a", path), named("b", path)
    body = {"tools": [function("a", path), function("b", path), function("c", path)], "tool_choice": among(path, a, b)}
    assert chosen(body, "[b, c]", tmp_path, path) == among(path, b)
    assert chosen(body, "[c]", tmp_path, path) == "auto"
    assert chosen(body, "[a, b]", tmp_path, path) == among(path, a, b)


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_a_choice_of_a_hosted_tool_takes_the_name_that_the_model_sees(path: str) -> None:
    tools = [function("a", path), {"type": "lukhas", "name": "retrieval"}]
    seen = named(RETRIEVAL.name, path)
    for asked in ({"type": "lukhas", "name": "retrieval"}, named("lukhas:retrieval", path)):
        assert governed(governing(), {"tools": tools, "tool_choice": asked}, path)["tool_choice"] == seen
        several = governed(governing(), {"tools": tools, "tool_choice": among(path, asked, named("a", path))}, path)
        assert several["tool_choice"] == among(path, seen, named("a", path))


def test_a_choice_of_a_hosted_tool_by_the_models_name_stays_where_it_is_offered() -> None:
    body = {"tools": [function("a")], "tool_choice": named(RETRIEVAL.name, CHAT)}
    assert governed(governing(), body, headers=ASK)["tool_choice"] == named(RETRIEVAL.name, CHAT)
    assert governed(governing(), body, headers=ASK, allowed_tools=frozenset())["tool_choice"] == "auto"


def test_without_any_tool_the_choice_leaves_with_them_even_if_none_was_in_the_body() -> None:
    body = {"tool_choice": "required", "parallel_tool_calls": True}
    assert governed(governing(), body, headers=ASK, allowed_tools=frozenset()) == {}


def test_a_choice_of_a_tool_that_never_was_there_is_its_senders_error(tmp_path: Path) -> None:
    body = {"tools": [function("a"), function("b")], "tool_choice": named("z", CHAT)}
    assert chosen(body, "[b]", tmp_path, CHAT) == named("z", CHAT)


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        (MCP, MCP),
        ({"type": "mcp", "server_label": "other"}, "auto"),
        ({"type": "web_search"}, "auto"),
        ({"type": "custom", "name": "c"}, "auto"),
        ({"type": "function", "name": "f"}, "auto"),
    ],
)
def test_tools_that_run_upstream_are_chosen_by_type_and_servers_by_label(
    choice: dict[str, Any], left: Any, tmp_path: Path
) -> None:
    tools = [
        MCP,
        {"type": "mcp", "server_label": "other"},
        {"type": "web_search"},
        {"type": "custom", "name": "c"},
        {"type": "namespace", "name": "n", "tools": [function("f", RESPONSES)]},
    ]
    assert chosen({"tools": tools, "tool_choice": choice}, "['mcp:wiki']", tmp_path, RESPONSES) == left


def test_a_choice_of_a_function_in_a_namespace_stays_with_it(tmp_path: Path) -> None:
    tools = [{"type": "namespace", "name": "n", "tools": [function("f", RESPONSES), function("g", RESPONSES)]}]
    choice = named("f", RESPONSES)
    assert chosen({"tools": tools, "tool_choice": choice}, "[n.f]", tmp_path, RESPONSES) == choice
    assert chosen({"tools": tools, "tool_choice": choice}, "[n.g]", tmp_path, RESPONSES) == "auto"


def test_the_old_forms_choice_follows_the_old_list(tmp_path: Path) -> None:
    plugin = governing(tmp_path, "listed: [b]")
    body = {"functions": [{"name": "a"}, {"name": "b"}], "function_call": {"name": "a"}}
    assert governed(plugin, body, safety_mode="strict") == {"functions": [{"name": "b"}], "function_call": "auto"}
    alone = {"functions": [{"name": "a"}], "function_call": {"name": "a"}}
    assert governed(plugin, alone, safety_mode="strict") == {}


@pytest.mark.parametrize("odd", [5, [], {}, {"type": "allowed_tools"}, {"type": "allowed_tools", "tools": 5}, None])
def test_a_choice_of_another_shape_stays_as_it_came(odd: Any, tmp_path: Path) -> None:
    body = {"tools": [function("a", RESPONSES), function("b", RESPONSES)], "tool_choice": odd}
    assert chosen(body, "[b]", tmp_path, RESPONSES) == odd


def test_nothing_becomes_of_a_choice_where_nothing_becomes_of_the_tools() -> None:
    assert governing().shape(asking({"tools": [function("a")], "tool_choice": named("z", CHAT)})) is None
