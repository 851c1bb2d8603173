"""Plugins that host tools for tests, and let calls of clients through by name."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway import Exchange, Nudge, Refusal, Tool, ToolCall, ToolResult, hookimpl

NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}}
Runs = Callable[[ToolCall], str | ToolResult]


class Hosts:
    """Runs tools, each named like its alias; those in `offered` (all) are offered in every exchange, asked for or not.

    `ran` are the calls that ran; `open` how many run at the same time, `most` how many ever did.
    """

    def __init__(self, tools: Sequence[str], runs: Runs | None = None, pause: float = 0.01, **members: Any) -> None:
        self._tools = [Tool(name, name, "A tool.", NO_ARGUMENTS, **members) for name in tools]
        self._runs = runs or (lambda call: f"{call.name} ran with {call.arguments}")
        self._pause = pause
        self.offered = frozenset(tools)
        self.ran: list[ToolCall] = []
        self.open = 0
        self.most = 0

    @hookimpl
    def register_tools(self) -> list[Tool]:
        return self._tools

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        return Nudge((), "tools are hosted here", hosted={name: name for name in sorted(self.offered)})

    @hookimpl
    async def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult:
        self.ran.append(call)
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(self._pause)
        self.open -= 1
        result = self._runs(call)
        return result if isinstance(result, ToolResult) else ToolResult(result)


class Allows:
    """Lets calls through by the names of their tools."""

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)

    @hookimpl
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> Refusal | None:
        return None if call.name in self.names else Refusal("Not this tool.", code="tool_not_allowed")
