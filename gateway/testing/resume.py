"""Runs given calls of a model without an upstream, and gives the conversation as the model would see it next."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.answers import Refusal, ToolCall
from gateway.formats import format_of
from gateway.guard.withheld import Withheld
from gateway.hookspecs import Hooks
from gateway.loader import Common, Plugin, chain_of
from gateway.testing.builders import a_caller, an_exchange
from gateway.tools.loop import ToolLoop
from gateway.tools.registry import ToolRegistry
from identity.caller import Caller
from policies.tools import Budgets, fits

LONGEST_OUTPUT = 32_000
_NOT_ALLOWED = Refusal("The tool is not allowed here.", code="tool_not_allowed")


async def resume_with_tools(
    messages: Sequence[Mapping[str, Any]],
    tool_calls: Sequence[Mapping[str, Any]],
    allowlist: Sequence[str],
    audit_id: str,
    *,
    plugins: Sequence[Any] = (),
    caller: Caller | None = None,
) -> list[dict[str, Any]]:
    """Gives `messages` with the turn of the model that made these calls, and what it is told of each.

    `tool_calls` are those of a chat completion. What `allowlist` names (alias, function name, or a pattern) is run by
    `plugins`, which have been started; everything else is answered as blocked, with a note of the system. It is the
    loop of the gateway that does it, so that what a model sees here is what it sees there. Errors: LoadError, for
    plugins that cannot be; ValueError, for calls without an id or a name.
    """
    chain = chain_of((Plugin(_named(each), "0", "test", each, Common()) for each in plugins), lambda *_: None)
    request = {"model": "gpt-4o-mini", "messages": [dict(message) for message in _before(messages, tool_calls)]}
    exchange = an_exchange(request, caller=caller or a_caller())
    exchange.id = audit_id
    exchange.hosted = _allowed(chain.tools, allowlist)
    form = format_of(exchange.endpoint)
    loop = ToolLoop(exchange, form, chain.of(Hooks.run_tool), chain.tools, Budgets(), LONGEST_OUTPUT, lambda: 0)
    calls = [_call(each) for each in tool_calls]
    withheld = [Withheld(call, None if call.name in exchange.hosted else _NOT_ALLOWED) for call in calls]
    answers = await loop.answered(withheld, 0)
    reply = {"choices": [{"index": 0, "message": {"role": "assistant", "content": _said(messages, tool_calls)}}]}
    loop.next_request(reply, answers, blocked=any(each.refusal is not None for each in withheld))
    resumed: list[dict[str, Any]] = exchange.request.json["messages"]
    return resumed


def _named(plugin: Any) -> str:
    return type(plugin).__name__


def _allowed(tools: ToolRegistry, allowlist: Sequence[str]) -> Mapping[str, str]:
    patterns = tuple(allowlist)
    return {tool.name: tool.alias for tool in tools.tools if fits(patterns, tool.alias, tool.name)}


def _ends_with_calls(messages: Sequence[Mapping[str, Any]], tool_calls: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the turn of the model stands in the conversation already."""
    return bool(messages) and bool(tool_calls) and messages[-1].get("tool_calls") == list(tool_calls)


def _before(
    messages: Sequence[Mapping[str, Any]], tool_calls: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    return messages[:-1] if _ends_with_calls(messages, tool_calls) else messages


def _said(messages: Sequence[Mapping[str, Any]], tool_calls: Sequence[Mapping[str, Any]]) -> Any:
    return messages[-1].get("content") if _ends_with_calls(messages, tool_calls) else None


def _call(given: Mapping[str, Any]) -> ToolCall:
    """Gives a call of a chat completion as plugins are given it. Errors: ValueError."""
    function = given.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str) or not given.get("id"):
        raise ValueError(f"{given!r} is no tool call: it needs an id, and a function with a name.")
    return ToolCall(str(given["id"]), function["name"], str(function.get("arguments", "")))
