"""Which calls come back: those of tools that went out, while they are allowed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway import Exchange, Flags, ToolCall, Withheld
from gateway.decide import changed
from gateway.flags import in_force
from gateway.read_again import HOSTED_HERE
from gateway.testing import a_call, a_reply, started
from plugins.tool_governance import ToolGovernance
from plugins.tool_governance.calls import NOT_ALLOWED, NOT_OFFERED
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
)

NEVER = datetime(2100, 1, 1, tzinfo=UTC)
MCP = {"type": "mcp", "server_label": "wiki", "server_url": "https://example.com"}


def gone_out(plugin: ToolGovernance, body: dict[str, Any], path: str = CHAT, **members: Any) -> Exchange:
    """Gives an exchange whose request went out as the plugin shaped it."""
    exchange = asking(body, path, **members)
    nudge = plugin.shape(exchange)
    if nudge is not None:
        exchange.request = changed(exchange.request, nudge)
        exchange.hosted = nudge.hosted
    return exchange


def run_upstream(kind: str, name: str, server: str = "") -> ToolCall:
    return ToolCall("c", name, "{}", kind=kind, server=server)


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_a_call_of_a_function_that_went_out_comes_back_and_no_other(path: str) -> None:
    plugin = governing()
    exchange = gone_out(plugin, {"tools": [function("a", path), {"type": "custom", "name": "c"}]}, path)
    assert [refused(plugin, exchange, a_call(name)) for name in ("a", "c", "b", "", "A", "a ")] == [
        None,
        None,
        *[NOT_OFFERED] * 4,
    ]
    assert refused(plugin, exchange, a_call("c", kind="custom")) is None


def test_without_tools_no_call_comes_back() -> None:
    plugin = governing()
    assert refused(plugin, gone_out(plugin, {}), a_call("a")) == NOT_OFFERED
    assert refused(plugin, gone_out(plugin, {"tools": 5}), a_call("a")) == NOT_OFFERED


def test_a_call_of_a_function_of_the_old_form_comes_back() -> None:
    plugin = governing()
    exchange = gone_out(plugin, {"functions": [{"name": "a"}]})
    assert (refused(plugin, exchange, a_call("a")), refused(plugin, exchange, a_call("b"))) == (None, NOT_OFFERED)


def test_a_call_of_what_was_taken_away_is_one_of_what_was_not_offered(tmp_path: Path) -> None:
    plugin = governing(tmp_path, "client_tools: listed\nlisted: [a]")
    exchange = gone_out(plugin, {"tools": [function("a"), function("b")]})
    assert (refused(plugin, exchange, a_call("a")), refused(plugin, exchange, a_call("b"))) == (None, NOT_OFFERED)


def test_after_the_exchange_has_become_strict_only_listed_calls_come_back(tmp_path: Path) -> None:
    plugin = governing(tmp_path, "listed: [a]")
    exchange = gone_out(plugin, {"tools": [function("a"), function("b")]}, headers={"x-lukhas-tools": "retrieval"})
    exchange.safety_mode = "strict"
    names = ("a", "b", "retrieve_knowledge")
    assert [refused(plugin, exchange, a_call(name)) for name in names] == [None, NOT_ALLOWED, None]


def test_a_hosted_call_needs_what_its_offer_needed(tmp_path: Path) -> None:
    plugin = governing(tmp_path)
    exchange = gone_out(plugin, {}, headers={"x-lukhas-tools": "retrieval"})
    assert refused(plugin, exchange, a_call("retrieve_knowledge")) is None
    assert refused(plugin, exchange, a_call("retrieval")) == NOT_OFFERED
    exchange.allowed_tools = frozenset(("browser",))
    assert refused(plugin, exchange, a_call("retrieve_knowledge")) == NOT_ALLOWED


def test_a_hosted_tool_whose_flag_goes_off_meanwhile_is_not_run() -> None:
    flags = Flags(in_force({"BROWSER_TOOL": True}, {}, {}, loopback=False))
    plugin = ToolGovernance()
    plugin.startup(started(Path(), tools=HOSTED, flags=flags))
    exchange = gone_out(plugin, {}, headers={"x-lukhas-tools": "browser"})
    assert refused(plugin, exchange, a_call("open_url")) is None
    flags.tell(in_force({}, {}, {}, loopback=False))
    assert refused(plugin, exchange, a_call("open_url")) == NOT_ALLOWED


def test_a_hosted_name_that_no_request_offers_is_not_run() -> None:
    plugin = governing()
    exchange = asking({}, hosted={"retrieve_knowledge": "retrieval"})
    assert refused(plugin, exchange, a_call("retrieve_knowledge")) == NOT_OFFERED


def test_a_tool_that_is_withheld_by_now_is_not_called() -> None:
    plugin = governing(withheld=(Withheld("w", None, "a", NEVER, "too many"),))
    exchange = asking({"tools": [function("a"), function("b")]})
    assert (refused(plugin, exchange, a_call("a")), refused(plugin, exchange, a_call("b"))) == (NOT_ALLOWED, None)


@pytest.mark.parametrize(
    ("tool", "kind"),
    [
        ({"type": "web_search"}, "web_search_call"),
        ({"type": "web_search_preview_2025_03_11"}, "web_search_call"),
        ({"type": "file_search"}, "file_search_call"),
        ({"type": "code_interpreter"}, "code_interpreter_call"),
        ({"type": "computer_use_preview"}, "computer_call"),
        ({"type": "computer"}, "computer_call"),
        ({"type": "image_generation"}, "image_generation_call"),
        ({"type": "local_shell"}, "local_shell_call"),
        ({"type": "shell"}, "shell_call"),
        ({"type": "apply_patch"}, "apply_patch_call"),
        ({"type": "tool_search"}, "tool_search_call"),
        ({"type": "programmatic_tool_calling"}, "program"),
    ],
)
def test_what_runs_upstream_is_known_by_its_type(tool: dict[str, Any], kind: str) -> None:
    plugin = governing()
    call = run_upstream(kind, kind.removesuffix("_call"))
    assert refused(plugin, gone_out(plugin, {"tools": [tool]}, RESPONSES), call) is None
    assert refused(plugin, gone_out(plugin, {"tools": [MCP, function("f", RESPONSES)]}, RESPONSES), call) == NOT_OFFERED
    # A function may have the name of a type; it is not what runs upstream.
    alike = function(call.name, RESPONSES)
    assert refused(plugin, gone_out(plugin, {"tools": [alike]}, RESPONSES), call) == NOT_OFFERED


def test_a_function_call_is_not_one_of_what_runs_upstream() -> None:
    plugin = governing()
    exchange = gone_out(plugin, {"tools": [{"type": "web_search"}, MCP]}, RESPONSES)
    assert refused(plugin, exchange, a_call("web_search")) == NOT_OFFERED
    assert refused(plugin, exchange, a_call("wiki")) == NOT_OFFERED


@pytest.mark.parametrize(
    ("allowed", "refusals"),
    [
        (None, [None, None]),
        (["read"], [None, NOT_OFFERED]),
        ({"tool_names": ["read"]}, [None, NOT_OFFERED]),
        ({"read_only": True}, [None, None]),
        ([], [NOT_OFFERED, NOT_OFFERED]),
    ],
)
@pytest.mark.parametrize("kind", ["mcp_call", "mcp_approval_request"])
def test_a_servers_tool_is_called_if_the_request_allows_it(allowed: Any, refusals: list[Any], kind: str) -> None:
    plugin = governing()
    exchange = gone_out(plugin, {"tools": [{**MCP, "allowed_tools": allowed}]}, RESPONSES)
    calls = [run_upstream(kind, name, "wiki") for name in ("read", "drop")]
    assert [refused(plugin, exchange, call) for call in calls] == refusals
    assert refused(plugin, exchange, run_upstream(kind, "read", "other")) == NOT_OFFERED


@pytest.mark.parametrize("kind", ["mcp_call", "mcp_approval_request"])
def test_a_call_that_does_not_say_of_which_server_it_is_does_not_come_back(kind: str) -> None:
    plugin = governing()
    exchange = gone_out(plugin, {"tools": [MCP]}, RESPONSES)
    assert refused(plugin, exchange, run_upstream(kind, "read")) == NOT_OFFERED


def namespace(name: str, *functions: str) -> dict[str, Any]:
    return {"type": "namespace", "name": name, "tools": [function(each, RESPONSES) for each in functions]}


def test_a_function_in_a_namespace_is_called_by_its_own_name_and_that_of_the_namespace(tmp_path: Path) -> None:
    plugin = governing(tmp_path, "listed: [crm.read]")
    exchange = gone_out(plugin, {"tools": [namespace("crm", "read", "drop")]}, RESPONSES)
    calls = [a_call(name, namespace="crm") for name in ("read", "drop")]
    assert [refused(plugin, exchange, call) for call in calls] == [None, None]
    exchange.safety_mode = "strict"
    assert [refused(plugin, exchange, call) for call in calls] == [None, NOT_ALLOWED]


@pytest.mark.parametrize("kind", ["function", "custom"])
def test_a_call_is_of_the_namespace_that_it_says_alone(kind: str) -> None:
    plugin = governing()
    exchange = gone_out(plugin, {"tools": [namespace("crm", "read"), function("get", RESPONSES)]}, RESPONSES)
    of = {
        (name, space): refused(plugin, exchange, a_call(name, kind=kind, namespace=space))
        for name in ("read", "get", "crm.read")
        for space in ("crm", "evil", "", name)
    }
    assert {called for called, code in of.items() if code is None} == {("read", "crm"), ("get", "")}
    assert set(of.values()) == {None, NOT_OFFERED}


def test_a_namespace_that_was_withheld_is_not_called_by_a_function_of_the_same_name(tmp_path: Path) -> None:
    plugin = governing(tmp_path, "client_tools: listed\nlisted: [get]")
    exchange = gone_out(plugin, {"tools": [namespace("admin", "get"), function("get", RESPONSES)]}, RESPONSES)
    assert refused(plugin, exchange, a_call("get")) is None
    assert refused(plugin, exchange, a_call("get", namespace="admin")) == NOT_OFFERED


def test_a_namespace_without_a_name_offers_nothing() -> None:
    plugin = governing()
    exchange = gone_out(plugin, {"tools": [{**namespace("crm", "read"), "name": None}]}, RESPONSES)
    assert [refused(plugin, exchange, a_call("read", namespace=space)) for space in ("", "crm")] == [NOT_OFFERED] * 2


def test_what_the_upstream_loads_by_itself_may_be_called_in_a_namespace_of_its_own_name() -> None:
    plugin = governing()
    tools = [function("get", RESPONSES, defer_loading=True), function("put", RESPONSES)]
    exchange = gone_out(plugin, {"tools": tools}, RESPONSES)
    calls = [a_call(name, namespace=space) for name, space in (("get", "get"), ("get", "put"), ("put", "put"))]
    assert [refused(plugin, exchange, call) for call in calls] == [None, NOT_OFFERED, NOT_OFFERED]


def test_a_hosted_tool_is_in_no_namespace() -> None:
    plugin = governing()
    exchange = gone_out(plugin, {"tools": [hosted(RETRIEVAL, RESPONSES)]}, RESPONSES)
    calls = [a_call("retrieve_knowledge", namespace=space) for space in ("", "crm")]
    assert [refused(plugin, exchange, call) for call in calls] == [None, NOT_OFFERED]


def test_where_no_request_says_it_rules_know_a_call_behind_its_namespace(tmp_path: Path) -> None:
    stored = asking({}, "/v1/conversations/conv_1/items", method="GET")
    stored.reply = a_reply(path=RESPONSES)
    listing = governing(tmp_path, "client_tools: listed\nlisted: [get, crm.read]")
    calls = [a_call("get"), a_call("get", namespace="admin"), a_call("read"), a_call("read", namespace="crm")]
    assert [refused(listing, stored, call) for call in calls] == [None, NOT_ALLOWED, NOT_ALLOWED, None]


def test_of_a_stored_prompt_calls_come_back_that_no_list_forbids(tmp_path: Path) -> None:
    plugin = governing(tmp_path, "listed: [a]")
    exchange = gone_out(plugin, {"prompt": {"id": "pmpt_1"}, "tools": [function("b", RESPONSES)]}, RESPONSES)
    exchange.reply = a_reply(path=RESPONSES)
    assert [refused(plugin, exchange, a_call(name)) for name in ("a", "b", "c")] == [None, None, None]
    exchange.safety_mode = "strict"
    assert [refused(plugin, exchange, a_call(name)) for name in ("a", "b", "c")] == [None, NOT_ALLOWED, NOT_ALLOWED]
    assert refused(plugin, exchange, run_upstream("mcp_call", "read", "wiki")) == NOT_ALLOWED


def test_a_stored_reply_is_read_again_by_the_list_alone(tmp_path: Path) -> None:
    stored = asking({}, "/v1/responses/resp_1", method="GET")
    stored.reply = a_reply(path=RESPONSES)
    assert refused(governing(), stored, a_call("a")) is None
    assert refused(governing(), stored, run_upstream("web_search_call", "web_search")) is None
    listing = governing(tmp_path, "client_tools: listed\nlisted: [a]")
    assert [refused(listing, stored, a_call(name)) for name in ("a", "b")] == [None, NOT_ALLOWED]


@pytest.mark.parametrize("path", ["/v1/responses/resp_1", "/v1/responses"])
def test_a_reply_that_says_what_tools_it_was_made_with_holds_calls_of_no_others(path: str) -> None:
    plugin = governing()
    tools = [function("a", RESPONSES), hosted(RETRIEVAL, RESPONSES), {"type": "web_search"}]
    exchange = asking({"prompt": {"id": "pmpt_1"}}, path, method="POST" if path == "/v1/responses" else "GET")
    exchange.reply = a_reply({"object": "response", "output": [], "tools": tools}, path=path)
    names = ("a", "b", "retrieve_knowledge")
    assert [refused(plugin, exchange, a_call(name)) for name in names] == [None, NOT_OFFERED, HOSTED_HERE]
    assert refused(plugin, exchange, run_upstream("web_search_call", "web_search")) is None
    assert refused(plugin, exchange, run_upstream("file_search_call", "file_search")) == NOT_OFFERED


@pytest.mark.parametrize("path", ["/v1/responses/resp_1", "/v1/responses"])
def test_a_stream_of_unseen_tools_holds_no_call_before_it_says_them(path: str) -> None:
    plugin = governing()
    exchange = asking({"prompt": {"id": "pmpt_1"}}, path, method="POST" if path == "/v1/responses" else "GET")
    names = ("a", "b", "retrieve_knowledge")
    assert [refused(plugin, exchange, a_call(name)) for name in names] == [NOT_OFFERED] * 3
    exchange.made_with = [function("a", RESPONSES), hosted(RETRIEVAL, RESPONSES)]
    assert [refused(plugin, exchange, a_call(name)) for name in names] == [None, NOT_OFFERED, HOSTED_HERE]


def test_a_stored_call_of_the_clients_own_function_is_theirs_whatever_it_is_called() -> None:
    exchange = asking({}, "/v1/responses/resp_1", method="GET")
    exchange.reply = a_reply({"tools": [function("retrieve_knowledge", RESPONSES, description="Mine.")]})
    assert refused(governing(), exchange, a_call("retrieve_knowledge")) is None


def test_a_refusal_names_the_tool_and_no_secret_in_its_place() -> None:
    refusal = governing().allow_tool(asking({}), a_call("sk-abcdefghijklmnop" + "x" * 1000))
    assert refusal is not None
    assert refusal.message == "The model called [redacted], which it was not offered."


def test_before_the_start_no_call_comes_back() -> None:
    assert refused(ToolGovernance(), asking({"tools": [function("a")]}), a_call("a")) == "tools_missing"
