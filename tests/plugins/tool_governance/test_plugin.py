"""Whatever is in a request, nothing outside the rules goes out, and a request without tools is left alone."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as some

from gateway import Exchange
from gateway.decide import changed
from gateway.settings import Key, Policies, Settings
from gateway.testing import a_call, a_caller, plugin_kit, started
from plugins.tool_governance import ToolGovernance
from plugins.tool_governance.places import MOST_TOOLS
from policies.document import DocumentError
from policies.tools import fits
from tests.builders.cases import cases, holds
from tests.builders.governing import (
    CHAT,
    HOSTED,
    RESPONSES,
    RETRIEVAL,
    asking,
    function,
    governing,
    hosted,
    refused,
    sent,
)

NAMES = ("alpha", "beta", "look_up", "retrieve_knowledge", "open_url", "web_search")
ALIASES = ("retrieval", "scheduler", "browser")
BUILT_IN = ("web_search", "file_search", "code_interpreter", "computer_use_preview", "local_shell", "image_generation")


def test_the_plugin_behaves() -> None:
    plugin_kit(governing()).check()


@pytest.mark.parametrize("path", [CHAT, RESPONSES, "/v1/completions", "/v1/embeddings", "/v1/responses/input_tokens"])
def test_a_request_without_tools_is_left_alone(path: str) -> None:
    exchange = asking({"input": [{"role": "user", "content": "Hi"}], "messages": []}, path)
    assert (governing().admit(exchange), governing().shape(exchange)) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [{"type": "lukhas", "name": "teleporter"}]},
        {"tools": [{"type": "lukhas"}]},
        {"tools": [{"type": "lukhas", "name": 5}]},
        {"tools": [function("lukhas:teleporter")]},
        {"functions": [{"name": "lukhas:"}]},
    ],
)
def test_a_hosted_tool_that_there_is_not_is_a_bad_request(body: dict[str, Any]) -> None:
    refusal = governing().admit(asking(body))
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.param) == (400, "unknown_tool", "tools")
    assert "known: retrieval, scheduler, browser." in refusal.message


def test_a_header_that_names_what_there_is_not_is_a_bad_request_where_tools_may_be() -> None:
    ask = {"x-lukhas-tools": "retrieval, " + "x" * 5000}
    refusal = governing().admit(asking({}, headers=ask))
    assert refusal is not None
    assert (refusal.status, refusal.code) == (400, "unknown_tool")
    assert len(refusal.message) < 200
    assert governing().admit(asking({}, "/v1/embeddings", headers=ask)) is None


@pytest.mark.parametrize("odd", [{"a": 1}, "a", 5, True, 1.5])
def test_tools_that_are_no_list_pass_unless_something_is_governed_in_them(odd: Any, tmp_path: Path) -> None:
    body = {"tools": odd}
    listing = governing(tmp_path, "client_tools: listed")
    assert governing().admit(asking(body)) is None
    for plugin, headers in ((listing, {}), (governing(), {"x-lukhas-tools": "retrieval"})):
        refusal = plugin.admit(asking(body, headers=headers))
        assert refusal is not None
        assert (refusal.status, refusal.code) == (400, "invalid_tools")


def test_a_key_of_the_settings_may_only_name_tools_that_there_are() -> None:
    with pytest.raises(DocumentError) as raised:
        governing(keys=(Key("lk-a"), Key("lk-b", tools=("retrieval", "teleporter"))))
    assert "auth.keys[1].tools[1]: there is no hosted tool 'teleporter'; known: retrieval" in str(raised.value)
    governing(keys=(Key("lk-b", tools=("retrieve_knowledge",)),))


def test_a_tier_that_there_is_not_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"tiers\.browser: unknown tier 'T7'; known: T1, T2"):
        governing(tmp_path, "tiers: {browser: T7}")


def test_without_its_rules_nothing_is_admitted_and_no_tool_goes_out() -> None:
    plugin = ToolGovernance()
    refusal = plugin.admit(asking({}))
    assert refusal is not None
    assert refusal.status == 503
    with pytest.raises(RuntimeError):
        plugin.shape(asking({"tools": [function("a")]}))


def test_rules_that_change_hold_from_the_next_request_on(tmp_path: Path) -> None:
    (tmp_path / "tools.yaml").write_text("")
    startup = started(tmp_path, Settings(policies=Policies(str(tmp_path))), tools=HOSTED)
    plugin = ToolGovernance()
    plugin.startup(startup)
    exchange = asking({"tools": [function("a")]})
    assert plugin.shape(exchange) is None
    (tmp_path / "tools.yaml").write_text("client_tools: listed")
    startup.policies.catch_up()
    startup.policies.catch_up()
    assert "tools" not in sent(plugin.shape(exchange), exchange)


def test_asked_again_in_a_loop_it_only_tightens(tmp_path: Path) -> None:
    plugin = governing(tmp_path, "listed: [a]")
    exchange = asking({"tools": [function("a"), function("b")]}, headers={"x-lukhas-tools": "retrieval"})
    first = plugin.shape(exchange)
    assert first is not None
    exchange.request, exchange.hosted = changed(exchange.request, first), first.hosted
    assert plugin.shape(exchange) is None
    exchange.safety_mode = "strict"
    assert sent(plugin.shape(exchange), exchange)["tools"] == [function("a"), hosted(RETRIEVAL)]
    exchange.allowed_tools = frozenset()
    assert sent(plugin.shape(exchange), exchange)["tools"] == [function("a")]


def kind_of_tool(path: str) -> some.SearchStrategy[Any]:
    """Draws a tool as clients write them, rightly and wrongly."""
    names = some.sampled_from((*NAMES, *(f"lukhas:{alias}" for alias in ALIASES)))
    return some.one_of(
        names.map(lambda name: function(name, path)),
        names.map(lambda name: {"type": "custom", "name": name}),
        some.sampled_from(ALIASES).map(lambda alias: {"type": "lukhas", "name": alias}),
        some.sampled_from(BUILT_IN).map(lambda kind: {"type": kind}),
        some.sampled_from(("wiki", "shop")).map(lambda label: {"type": "mcp", "server_label": label}),
        some.tuples(names, names).map(lambda two: {"type": "function", "name": two[0], "function": {"name": two[1]}}),
        some.sampled_from((None, 5, "a", {}, {"type": 7}, {"type": "function"})),
    )


def kind_of_choice(path: str) -> some.SearchStrategy[Any]:
    one = kind_of_tool(path).filter(lambda tool: isinstance(tool, dict) and bool(tool))
    several = some.lists(one, max_size=3)
    mode = {"mode": "required"}
    return some.one_of(
        some.sampled_from(("auto", "required", "none")),
        one,
        several.map(lambda tools: {"type": "allowed_tools", **mode, "tools": tools})
        if path == RESPONSES
        else several.map(lambda tools: {"type": "allowed_tools", "allowed_tools": {**mode, "tools": tools}}),
    )


def listed_names(tool: Any) -> list[tuple[str, ...]]:
    """Gives, written down a second time, the groups of names of which each has to be listed by one."""
    if not isinstance(tool, dict):
        return [("",)]
    kind = tool.get("type")
    if kind in ("function", "custom"):
        inner = tool.get(kind)
        found = [each["name"] for each in (tool, inner) if isinstance(each, dict) and "name" in each]
        return [(name,) for name in found] or [("",)]
    if kind == "mcp":
        return [("mcp", f"mcp:{tool['server_label']}")]
    return [(kind,)] if isinstance(kind, str) else [("",)]


def asks(tool: Any) -> bool:
    """Whether a tool asks for a hosted one."""
    if not isinstance(tool, dict):
        return False
    return tool.get("type") == "lukhas" or any(name.startswith("lukhas:") for (name, *_) in listed_names(tool))


def key(tool: Any) -> tuple[Any, Any]:
    inner = tool.get(tool.get("type")) if isinstance(tool.get("type"), str) else None
    name = inner.get("name") if isinstance(inner, dict) else tool.get("name")
    return tool.get("type"), tool.get("server_label") if tool.get("type") == "mcp" else name


def keys(tool: Any) -> set[tuple[Any, Any]]:
    """Gives what a choice may name a tool by: of one with two names, both."""
    named = tool.get("type") in ("function", "custom")
    return {key(tool), *((tool["type"], name) for (name, *_) in (listed_names(tool) if named else ()))}


def chosen_of(choice: Any) -> list[Any]:
    if not isinstance(choice, dict):
        return []
    if choice.get("type") == "allowed_tools":
        return list((choice.get("allowed_tools") or choice)["tools"])
    return [choice]


RULES = tuple(
    (client_tools, listed)
    for client_tools in ("pass", "listed")
    for listed in ((), ("alpha", "mcp:wiki"), ("*a*", "web_*"), ("*",))
)


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> list[ToolGovernance]:
    """Gives one plugin for each of the rules."""
    return [
        governing(tmp_path_factory.mktemp("rules"), f"client_tools: {way}\nlisted: {list(listed)}")
        for way, listed in RULES
    ]


def check(plugin: ToolGovernance, rule: tuple[str, tuple[str, ...]], exchange: Exchange) -> None:
    """Holds what goes out against the rules: no tool outside them, a choice that is true, calls of what is there."""
    way, listed = rule
    before = exchange.request.json
    nudge = plugin.shape(exchange)
    out = sent(nudge, exchange)
    if nudge is not None:
        exchange.request, exchange.hosted = changed(exchange.request, nudge), nudge.hosted
    tools = out.get("tools") or []
    path = exchange.received.target.decode()
    own = [tool for tool in before["tools"] if not asks(tool)]
    own_names = {name for tool in own for group in listed_names(tool) for name in group}
    may_be_hosted = [hosted(tool, path) for tool in HOSTED.tools]
    must_be_listed = way == "listed" or exchange.safety_mode == "strict"
    for tool in tools:
        if tool in may_be_hosted:
            name = key(tool)[1]
            alias = HOSTED.by_name[name].alias
            assert exchange.hosted[name] == alias
            assert name not in own_names
            assert alias != "browser"
            assert exchange.allowed_tools is None or alias in exchange.allowed_tools
            continue
        assert tool in own
        if must_be_listed:
            assert all(fits(listed, *group) for group in listed_names(tool))
    assert tools or "tools" not in out or before["tools"] == []
    if nudge is not None and not tools:
        assert not nudge.changes or ("tool_choice" not in out and "parallel_tool_calls" not in out)
    there = {each for tool in tools if isinstance(tool, dict) for each in keys(tool)}
    was_there = {key(tool) for tool in before["tools"] if isinstance(tool, dict)}
    for one in chosen_of(out.get("tool_choice")):
        assert key(one) in there or key(one) not in was_there
        assert not asks(one) or len(own) == len(before["tools"])
    for name in (*NAMES, "nobody"):
        if refused(plugin, exchange, a_call(name)) is None:
            assert any(name in group for tool in tools for group in listed_names(tool))


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
@cases(150)
def test_nothing_outside_the_rules_goes_out_or_comes_back(path: str, plugins: list[ToolGovernance], cases: int) -> None:
    def nothing_does(
        at: int, tools: list[Any], choice: Any, asks: dict[str, str], allowed: frozenset[str] | None, mode: str
    ) -> None:
        body = {"tools": tools} | ({} if choice is None else {"tool_choice": choice, "parallel_tool_calls": True})
        exchange = asking(body, path, headers=asks, allowed_tools=allowed, safety_mode=mode, caller=a_caller())
        check(plugins[at], RULES[at], exchange)

    holds(
        nothing_does,
        cases,
        some.integers(0, len(RULES) - 1),
        some.lists(kind_of_tool(path), max_size=24),
        some.none() | kind_of_choice(path),
        some.sampled_from(({}, {"x-lukhas-tools": "retrieval"}, {"x-lukhas-tools": "scheduler, browser"})),
        some.sampled_from((None, frozenset[str](), frozenset(("retrieval",)))),
        some.sampled_from(("strict", "balanced", "creative")),
    )


FEW = [function(f"f{number}") for number in range(MOST_TOOLS // 2)]
NAMESPACE = {"type": "namespace", "name": "crm", "tools": FEW}
CARRIER = {"type": "additional_tools", "tools": FEW}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"tools": [*FEW, *FEW]}),
        (CHAT, {"tools": FEW, "functions": FEW}),
        (CHAT, {"tools": FEW, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": FEW}}}),
        (RESPONSES, {"tools": FEW, "tool_choice": {"type": "allowed_tools", "tools": FEW}}),
        (RESPONSES, {"tools": FEW, "input": [CARRIER]}),
        (RESPONSES, {"tools": [*FEW[:-1], NAMESPACE]}),
    ],
    ids=["tools", "functions", "chosen in chat", "chosen", "in the input", "in a namespace"],
)
def test_a_request_has_so_many_tools_and_no_more(path: str, body: dict[str, Any]) -> None:
    plugin = governing()
    assert plugin.admit(asking(body, path)) is None
    refusal = plugin.admit(asking({**body, "tools": [*body["tools"], function("one_more")]}, path))
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.param) == (400, "too_many_tools", "tools")
