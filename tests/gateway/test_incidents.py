"""Incidents: each blocked call is a line of its own, with what was allowed at the time."""

from datetime import UTC, datetime

import msgspec

from gateway.exchange import Exchange, ToolUse
from gateway.hooks import PLUGIN_FAILED
from gateway.incidents import as_hosted, blocked_in, incident_lines, incidents_of
from gateway.testing import an_exchange
from gateway.tools.registry import Tool, ToolRegistry

BLOCKED = ToolUse(
    "exec_code",
    "blocked",
    5_000_000,
    1,
    "tool_not_offered",
    "code_exec",
    '{"language": "bash"}',
    safety_mode="balanced",
    action="answered as not available",
    offered=("weather",),
)


def of_tools(*tools: ToolUse) -> Exchange:
    exchange = an_exchange({"model": "m", "tools": [{"type": "function", "function": {"name": "lookup"}}]})
    exchange.tools += tools
    return exchange


def test_an_incident_says_what_was_blocked_and_what_was_allowed_then() -> None:
    exchange = of_tools(ToolUse("lookup", "ok", 1, 2), BLOCKED)
    (line,) = incident_lines(incidents_of(exchange, exchange.tools, "p-ada", "hash")).splitlines()
    assert msgspec.json.decode(line) == {
        "event": "incident",
        "audit_id": exchange.id,
        "at": datetime.fromtimestamp((exchange.arrived + 5_000_000) / 1e9, UTC).isoformat().replace("+00:00", "Z"),
        "caller": "p-ada",
        "tool": "code_exec",
        "reason": "tool_not_offered",
        "action": "answered as not available",
        "safety_mode": "balanced",
        "tool_allowlist": ["weather"],
        "prompt_hash": "hash",
        "arguments": '{"language": "bash"}',
    }


def test_where_the_call_says_less_the_exchange_says_it() -> None:
    exchange = of_tools(ToolUse("rm", "blocked", 5, 1, "tool_not_allowed"))
    exchange.safety_mode = "strict"
    (incident,) = incidents_of(exchange, exchange.tools, None, None)
    assert (incident.safety_mode, incident.tool_allowlist, incident.tool) == ("strict", ["lookup"], "rm")


def test_tightening_counts_blocked_calls_alone() -> None:
    exchange = of_tools(ToolUse("lookup", "ok", 1, 2), ToolUse("lookup", "error", 1, 2), BLOCKED)
    assert [(each.tool, each.audit_id) for each in blocked_in(exchange, exchange.tools)] == [("code_exec", exchange.id)]


def test_what_is_kept_back_of_a_stored_reply_is_an_incident_and_counts_for_nobody() -> None:
    exchange = an_exchange(b"", method="GET", path="/v1/responses/resp_1")
    exchange.tools.append(BLOCKED)
    assert [each.action for each in incidents_of(exchange, exchange.tools, "p-ada", None)] == ["kept back"]
    assert blocked_in(exchange, exchange.tools) == []


def test_what_the_gateway_itself_is_to_blame_for_counts_for_nobody() -> None:
    exchange = of_tools(ToolUse("rm", "blocked", 5, 1, PLUGIN_FAILED))
    assert len(list(incidents_of(exchange, exchange.tools, "p-ada", None))) == 1
    assert blocked_in(exchange, exchange.tools) == []


def test_a_hosted_tool_has_one_name_whether_it_was_offered_or_not() -> None:
    tools = ToolRegistry((Tool("code_exec", "exec_code", "Runs code.", {}),))
    bare = ToolUse("exec_code", "blocked", 5, 1, "tool_not_offered")
    assert as_hosted(bare, tools).alias == "code_exec"
    assert as_hosted(msgspec.structs.replace(bare, offered=("exec_code",)), tools).alias == ""
    assert as_hosted(msgspec.structs.replace(bare, name="wipe"), tools).alias == ""
    assert as_hosted(msgspec.structs.replace(bare, status="ok"), tools).alias == ""
