"""Which tools go out: hosted ones where they may, the client's own where they are listed, and what is withheld."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway import Request, Withheld
from gateway.json_body import read_json
from gateway.splice import spliced
from gateway.testing import a_caller
from tests.builders.governing import (
    BROWSER,
    CHAT,
    RESPONSES,
    RETRIEVAL,
    SCHEDULER,
    asking,
    function,
    governed,
    governing,
    hosted,
    sent,
)

ASK = {"x-lukhas-tools": "retrieval"}
ASKS: dict[str, tuple[dict[str, Any], ...]] = {
    CHAT: (
        {"type": "lukhas", "name": "retrieval"},
        {"type": "lukhas", "name": "retrieve_knowledge"},
        {"type": "function", "function": {"name": "lukhas:retrieval"}},
    ),
    RESPONSES: (
        {"type": "lukhas", "name": "retrieval"},
        {"type": "function", "name": "lukhas:retrieve_knowledge", "parameters": {}},
    ),
}
MCP = {"type": "mcp", "server_label": "wiki", "server_url": "https://example.com"}
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


def strict(body: dict[str, Any], listed: str, folder: Path, path: str = RESPONSES) -> dict[str, Any]:
    return governed(governing(folder, f"listed: {listed}"), body, path, safety_mode="strict")


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_the_clients_own_tools_go_out_as_they_came(path: str) -> None:
    tools = [function("a", path), {"type": "web_search"}, MCP, {"type": "custom", "name": "c"}, None, 5, {}]
    body = {"tools": tools, "tool_choice": "required", "parallel_tool_calls": False}
    assert governing().shape(asking(body, path)) is None


@pytest.mark.parametrize(("path", "at"), [(path, at) for path, asks in ASKS.items() for at in range(len(asks))])
def test_what_asks_for_a_hosted_tool_is_replaced_by_its_definition(path: str, at: int) -> None:
    exchange = asking({"tools": [function("a", path), ASKS[path][at]]}, path)
    nudge = governing().shape(exchange)
    assert nudge is not None
    assert sent(nudge, exchange)["tools"] == [function("a", path), hosted(RETRIEVAL, path)]
    assert nudge.hosted == {"retrieve_knowledge": "retrieval"}
    assert nudge.reasons == ("retrieval: a hosted tool that was asked for",)


def test_a_header_asks_for_hosted_tools_and_says_each_once() -> None:
    out = governed(
        governing(), {"tools": [function("a")]}, headers={"X-Lukhas-Tools": "scheduler, retrieval,scheduler"}
    )
    assert out["tools"] == [function("a"), hosted(SCHEDULER), hosted(RETRIEVAL)]


@pytest.mark.parametrize("tools", [{}, {"tools": []}, {"tools": None}])
@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_a_header_makes_the_list_where_there_is_none(tools: dict[str, Any], path: str) -> None:
    assert governed(governing(), tools, path, headers=ASK) == {"tools": [hosted(RETRIEVAL, path)]}


def test_a_key_is_offered_its_tools_without_asking() -> None:
    out = governed(governing(), {}, caller=a_caller(tools=("retrieval",)))
    assert out == {"tools": [hosted(RETRIEVAL)]}


def test_a_list_of_another_shape_stays_its_senders_error_though_their_key_has_tools() -> None:
    exchange = asking({"tools": "all"}, caller=a_caller(tools=("retrieval",)))
    assert governing().shape(exchange) is None


def test_where_tokens_are_only_counted_hosted_tools_count_and_nothing_is_called() -> None:
    exchange = asking({"input": "Hi"}, "/v1/responses/input_tokens", headers=ASK)
    nudge = governing().shape(exchange)
    assert nudge is not None
    assert sent(nudge, exchange)["tools"] == [hosted(RETRIEVAL, RESPONSES)]
    assert dict(nudge.hosted) == {}


def test_functions_of_the_old_form_get_hosted_tools_in_the_old_form() -> None:
    body = {"functions": [{"name": "a"}, {"name": "lukhas:scheduler"}], "function_call": {"name": "lukhas:scheduler"}}
    out = governed(governing(), body, headers=ASK)
    assert out["functions"] == [{"name": "a"}, hosted(SCHEDULER)["function"], hosted(RETRIEVAL)["function"]]
    assert out["function_call"] == {"name": "schedule_task"}


def test_a_function_of_the_clients_own_keeps_its_name() -> None:
    own = function("retrieve_knowledge")
    exchange = asking({"tools": [own]}, headers=ASK)
    nudge = governing().shape(exchange)
    assert nudge is not None
    assert (nudge.changes, dict(nudge.hosted)) == ((), {})
    assert "the request has a function of its own named retrieve_knowledge" in nudge.because


@pytest.mark.parametrize(
    ("body", "path", "because"),
    [
        ({"n": 2}, CHAT, "one choice alone (n)"),
        ({"n": "2"}, CHAT, "one choice alone (n)"),
        ({"background": True}, RESPONSES, "do not run in the background"),
        ({"assistant_id": "asst_1"}, "/v1/threads/thread_1/runs", "do not come back here"),
        ({}, "/v1/assistants", "do not come back here"),
    ],
)
def test_where_its_calls_could_not_be_run_no_hosted_tool_is_offered(
    body: dict[str, Any], path: str, because: str
) -> None:
    for given in ({"tools": [{"type": "lukhas", "name": "retrieval"}]}, {}):
        exchange = asking({**body, **given}, path, headers=ASK)
        nudge = governing().shape(exchange)
        assert nudge is not None
        assert because in nudge.because
        assert not nudge.hosted
        assert not sent(nudge, exchange).get("tools")


@pytest.mark.parametrize("given", [{"tools": [{"type": "lukhas", "name": "retrieval"}]}, {}])
def test_a_policy_that_makes_several_choices_one_brings_no_hosted_tool_back(given: dict[str, Any]) -> None:
    exchange = asking({"n": 2, **given}, headers=ASK)
    exchange.request = asking({"n": 1, **given}).request
    nudge = governing().shape(exchange)
    assert nudge is not None
    assert "one choice alone (n)" in nudge.because
    assert not nudge.hosted
    assert not sent(nudge, exchange).get("tools")


def test_one_choice_and_the_foreground_may_be_said() -> None:
    assert governed(governing(), {"n": 1}, headers=ASK)["tools"] == [hosted(RETRIEVAL)]
    assert governed(governing(), {"background": False}, RESPONSES, headers=ASK)["tools"] == [
        hosted(RETRIEVAL, RESPONSES)
    ]


@pytest.mark.parametrize(
    ("tier", "flags", "because"),
    [
        ("T2", {}, "FLAG_BROWSER_TOOL is off"),
        ("T1", {"BROWSER_TOOL": True}, "it needs the tier T2, and the caller has T1"),
        ("T9", {"BROWSER_TOOL": True}, "it needs the tier T2, and the caller has T9"),
    ],
)
def test_a_hosted_tool_needs_its_tier_and_its_flag(tier: str, flags: dict[str, bool], because: str) -> None:
    exchange = asking({}, headers={"x-lukhas-tools": "browser"}, caller=a_caller(tier))
    nudge = governing(flags=flags).shape(exchange)
    assert nudge is not None
    assert (nudge.because, nudge.changes) == (f"browser is not offered: {because}", ())


def test_with_tier_and_flag_it_is_offered() -> None:
    out = governed(governing(flags={"BROWSER_TOOL": True}), {}, headers={"x-lukhas-tools": "browser"})
    assert out == {"tools": [hosted(BROWSER)]}


def test_rules_give_a_hosted_tool_another_tier_or_to_nobody(tmp_path: Path) -> None:
    plugin = governing(tmp_path, "tiers: {retrieval: T3}\nhosted: [retriev*]")
    assert governed(plugin, {}, headers=ASK) == {}
    assert governed(plugin, {}, headers=ASK, caller=a_caller("T3")) == {"tools": [hosted(RETRIEVAL)]}
    assert governed(plugin, {}, headers={"x-lukhas-tools": "scheduler"}, caller=a_caller("T5")) == {}


def test_a_passed_through_key_has_hosted_tools_from_the_upstreams_first_good_answer_on() -> None:
    caller = a_caller("T1", principal="upstream:1", kind="passthrough", upstream_key="caller")
    assert governed(governing(), {}, headers=ASK, caller=caller) == {}
    assert governed(governing(accepted=("upstream:1",)), {}, headers=ASK, caller=caller)["tools"] == [hosted(RETRIEVAL)]


@pytest.mark.parametrize(
    ("allowed", "offered"),
    [(None, True), (["retrieval"], True), (["retrieve_*"], True), (["browser"], False), ([], False)],
)
def test_what_signals_leave_of_the_hosted_tools_is_offered(allowed: list[str] | None, offered: bool) -> None:
    narrowed = None if allowed is None else frozenset(allowed)
    out = governed(governing(), {}, headers=ASK, allowed_tools=narrowed)
    assert out == ({"tools": [hosted(RETRIEVAL)]} if offered else {})


def test_what_signals_leave_says_nothing_about_the_clients_own_tools() -> None:
    assert governing().shape(asking({"tools": [function("a")]}, allowed_tools=frozenset())) is None


@pytest.mark.parametrize(
    ("listed", "left"),
    [
        ("[]", []),
        ("[look_*]", ["look_up"]),
        ("[web_search]", ["web_search"]),
        ("[mcp]", ["wiki"]),
        ("['mcp:w*']", ["wiki"]),
        ("['mcp:other', look_u, Look_up]", []),
        ("[note, local_shell]", ["note", "local_shell"]),
        ("['*']", ["look_up", "delete", "web_search", "wiki", "note", "local_shell"]),
    ],
)
def test_in_strict_mode_only_listed_tools_go_out_whatever_runs_them(
    listed: str, left: list[str], tmp_path: Path
) -> None:
    tools: list[Any] = [
        function("look_up", RESPONSES),
        function("delete", RESPONSES),
        {"type": "web_search", "filters": {"allowed_domains": ["example.com"]}},
        MCP,
        {"type": "custom", "name": "note"},
        {"type": "local_shell"},
    ]
    out = strict({"tools": tools}, listed, tmp_path).get("tools", [])
    assert [each.get("server_label") or each.get("name") or each["type"] for each in out] == left
    assert all(each in tools for each in out)


def test_a_list_of_the_operator_holds_without_strict_mode(tmp_path: Path) -> None:
    plugin = governing(tmp_path, "client_tools: listed\nlisted: [a]")
    assert governed(plugin, {"tools": [function("b"), function("a")]}) == {"tools": [function("a")]}


def test_hosted_tools_are_not_the_clients_own_and_stay_in_strict_mode(tmp_path: Path) -> None:
    body = {"tools": [function("a"), {"type": "lukhas", "name": "retrieval"}], "tool_choice": "required"}
    assert strict(body, "[]", tmp_path, CHAT) == {"tools": [hosted(RETRIEVAL)], "tool_choice": "required"}


def test_a_function_with_two_names_needs_both_of_them_listed(tmp_path: Path) -> None:
    two = {"type": "function", "name": "listed", "function": {"name": "other"}}
    assert strict({"tools": [two]}, "[listed]", tmp_path, CHAT) == {}
    assert strict({"tools": [two]}, "[listed, other]", tmp_path, CHAT) == {"tools": [two]}


def test_elements_that_are_no_tools_are_not_on_any_list_but_the_one_of_all(tmp_path: Path) -> None:
    odd: list[Any] = [None, 5, "a", [], {}, {"type": 7}, {"type": "function"}, {"type": "function", "function": {}}]
    assert strict({"tools": odd}, "['?*']", tmp_path, CHAT) == {}


def test_a_list_of_another_shape_does_not_go_out_where_only_listed_tools_may(tmp_path: Path) -> None:
    for odd in ({"0": function("a")}, "a", 5, True):
        assert strict({"tools": odd, "tool_choice": "auto"}, "[a]", tmp_path, CHAT) == {}
        assert governing().shape(asking({"tools": odd, "tool_choice": "auto"})) is None


def test_a_namespace_goes_out_whole_by_its_own_name_or_with_what_is_listed_of_it(tmp_path: Path) -> None:
    one, other = function("read", RESPONSES), function("drop", RESPONSES)
    tools = [{"type": "namespace", "name": "crm", "description": "d", "tools": [one, other]}]
    assert strict({"tools": tools}, "[crm]", tmp_path) == {"tools": tools}
    assert strict({"tools": tools}, "[crm.read]", tmp_path) == {"tools": [{**tools[0], "tools": [one]}]}
    assert strict({"tools": tools, "tool_choice": "auto"}, "[read]", tmp_path) == {}


def test_tools_that_came_with_the_input_are_governed_too(tmp_path: Path) -> None:
    items: list[Any] = [
        {"role": "user", "content": "Hi"},
        {
            "type": "additional_tools",
            "role": "developer",
            "tools": [function("a", RESPONSES), function("b", RESPONSES)],
        },
        {"type": "tool_search_output", "call_id": "c", "tools": [function("b", RESPONSES)]},
        {"type": "message", "tools": [function("b", RESPONSES)]},
        None,
    ]
    out = strict({"input": items}, "[a]", tmp_path)["input"]
    assert [each["tools"] for each in out[1:4]] == [[function("a", RESPONSES)], [], [function("b", RESPONSES)]]
    assert governing().shape(asking({"input": items}, RESPONSES)) is None


def test_the_web_search_of_a_chat_is_a_tool(tmp_path: Path) -> None:
    body: dict[str, Any] = {"web_search_options": {}}
    assert strict(body, "[]", tmp_path, CHAT) == {}
    assert strict(body, "[web_search]", tmp_path, CHAT) == body
    assert governing().shape(asking(body)) is None


@pytest.mark.parametrize("place", ["threads", "assistants"])
def test_where_no_list_means_an_older_one_an_empty_list_goes_out(place: str, tmp_path: Path) -> None:
    path = {"threads": "/v1/threads/t/runs", "assistants": "/v1/assistants/a"}[place]
    body = {"tools": [{"type": "file_search"}], "tool_choice": {"type": "file_search"}}
    assert strict(body, "[]", tmp_path, path) == {"tools": []}


def test_the_tools_of_a_session_that_is_set_up_are_governed(tmp_path: Path) -> None:
    session = {"type": "realtime", "tools": [function("a", RESPONSES), function("b", RESPONSES)], "tool_choice": "auto"}
    out = strict({"session": session}, "[a]", tmp_path, "/v1/realtime/client_secrets")
    assert out == {"session": {**session, "tools": [function("a", RESPONSES)]}}
    assert strict({"session": session}, "[]", tmp_path, "/v1/realtime/client_secrets") == {
        "session": {"type": "realtime"}
    }


@pytest.mark.parametrize(
    ("tool", "gone"),
    [("a", ["a"]), ("*", ["a", "b", "retrieve_knowledge"]), ("retrieval", ["retrieve_knowledge"]), ("other", [])],
)
def test_what_is_withheld_from_the_caller_does_not_go_out(tool: str, gone: list[str], tmp_path: Path) -> None:
    withheld = Withheld("w", None, tool, NEVER, "too many blocked calls")
    plugin = governing(tmp_path, "listed: [listed]", withheld=(withheld,))
    body = {"tools": [function("a"), function("b"), function("listed")]}
    out = governed(plugin, body, headers=ASK)["tools"]
    names = [each["function"]["name"] for each in out]
    assert names == [name for name in ("a", "b", "listed", "retrieve_knowledge") if name not in gone]


def test_who_is_held_in_strict_mode_is_so_even_where_nothing_is_modulated() -> None:
    withheld = Withheld("w", None, "other", NEVER, "too many blocked calls", strict=True)
    assert governed(governing(withheld=(withheld,)), {"tools": [function("a")]}) == {}


def test_few_changes_leave_the_other_tools_byte_for_byte(tmp_path: Path) -> None:
    plugin = governing(tmp_path, "listed: [b]")
    body = b'{"tools": [{"type":"function", "name":"a"}, {"type": "function","name":"b","x":1e-7}], "input":"Hi"}'
    exchange = asking({}, RESPONSES, safety_mode="strict")
    exchange.request = Request(exchange.endpoint, body, read_json(body))
    nudge = plugin.shape(exchange)
    assert nudge is not None
    assert spliced(body, nudge.changes) == b'{"tools": [{"type": "function","name":"b","x":1e-7}], "input":"Hi"}'


def test_reasons_are_bounded_whatever_is_asked_for(tmp_path: Path) -> None:
    names = ["x" * 1_000_000, *(f"tool_{at}" for at in range(500))]
    exchange = asking({"tools": [function(name) for name in names]}, safety_mode="strict")
    nudge = governing(tmp_path, "listed: [tool_499]").shape(exchange)
    assert nudge is not None
    assert sent(nudge, exchange)["tools"] == [function("tool_499")]
    assert len(nudge.changes) == 1
    assert len(nudge.because) < 4000
    assert "and 484 more" in nudge.because
