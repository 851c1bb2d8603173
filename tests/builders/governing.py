"""The plugin that governs tools, started with rules and hosted tools of a test, and what it makes of requests."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from gateway import Exchange, Flags, Nudge, Refusal, Standing, Tool, ToolCall, ToolRegistry, Withheld
from gateway.flags import in_force
from gateway.settings import Auth, Key, Policies, Settings
from gateway.splice import spliced
from gateway.testing import an_exchange, started
from plugins.tool_governance import ToolGovernance

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
RETRIEVAL = Tool("retrieval", "retrieve_knowledge", "Searches what is known.", SCHEMA)
SCHEDULER = Tool("scheduler", "schedule_task", "Plans.", SCHEMA, side_effects=True)
BROWSER = Tool("browser", "open_url", "Reads a page.", SCHEMA, tier="T2", flag="BROWSER_TOOL")
HOSTED = ToolRegistry((RETRIEVAL, SCHEDULER, BROWSER))


def governing(
    folder: Path | None = None,
    rules: str = "",
    *,
    flags: Mapping[str, bool] | None = None,
    withheld: Iterable[Withheld] = (),
    accepted: Iterable[str] = (),
    keys: tuple[Key, ...] = (),
) -> ToolGovernance:
    """Gives the plugin; `rules` are written as the `tools.yaml` of `folder`."""
    if folder is not None:
        (folder / "tools.yaml").write_text(rules)
    standing, known = Standing(withheld=tuple(withheld)), frozenset(accepted)
    plugin = ToolGovernance()
    plugin.startup(
        started(
            folder or Path(),
            Settings(auth=Auth(keys=keys), policies=Policies(None if folder is None else str(folder))),
            tools=HOSTED,
            flags=Flags(in_force(flags or {}, {}, {}, loopback=False)),
            standing=lambda _: standing,
            accepted=known.__contains__,
        )
    )
    return plugin


def asking(body: Mapping[str, Any], path: str = CHAT, **members: Any) -> Exchange:
    """Gives an exchange with this body; members of the exchange that have been decided already can be named."""
    given = {name: members.pop(name) for name in ("headers", "caller", "method") if name in members}
    exchange = an_exchange({"model": "gpt-4o-mini", **body}, path=path, **given)
    for name, value in members.items():
        setattr(exchange, name, value)
    return exchange


def sent(nudge: Nudge | None, exchange: Exchange) -> dict[str, Any]:
    """Gives the body that goes out."""
    body = exchange.request.body or b""
    after: dict[str, Any] = msgspec.json.decode(spliced(body, nudge.changes) if nudge is not None else body)
    return after


def governed(plugin: ToolGovernance, body: Mapping[str, Any], path: str = CHAT, **members: Any) -> dict[str, Any]:
    """Gives what goes out of a request, without its model."""
    exchange = asking(body, path, **members)
    out = sent(plugin.shape(exchange), exchange)
    del out["model"]
    return out


def refused(plugin: ToolGovernance, exchange: Exchange, call: ToolCall) -> str | None:
    """Gives the code with which a call is refused, None where it is let through."""
    refusal: Refusal | None = plugin.allow_tool(exchange, call)
    return None if refusal is None else refusal.code


def function(name: str, path: str = CHAT, **more: Any) -> dict[str, Any]:
    """Gives a function in the form that an endpoint takes."""
    said = {"name": name, "parameters": {"type": "object", "properties": {}}, **more}
    return {"type": "function", **said} if path == RESPONSES else {"type": "function", "function": said}


def hosted(tool: Tool, path: str = CHAT) -> dict[str, Any]:
    """Gives a hosted tool as the model is told of it."""
    said = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return (
        {"type": "function", **said, "strict": False} if path == RESPONSES else {"type": "function", "function": said}
    )
