"""Reads off a request which tools the model may call."""

from collections.abc import Mapping
from typing import Any

from policies.redaction import redacted_name

MOST_NAMES = 128
LONGEST_NAME = 64


def offered_tools(request: Any) -> list[str]:
    """Gives the tools in a request's JSON: functions by name, those that are built into the upstream by type."""
    return [redacted_name(name[:LONGEST_NAME]) for name in map(_name_of, _tools(request)[:MOST_NAMES]) if name]


def tool_names(request: Any) -> frozenset[str]:
    """Gives the names of all tools in a request's JSON as they stand there."""
    return frozenset(map(_name_of, _tools(request)))


def _tools(request: Any) -> list[Any]:
    if request.__class__ is not dict:
        return []
    tools = request.get("tools") or request.get("functions")
    return tools if isinstance(tools, list) else []


def _name_of(tool: Any) -> str:
    if not isinstance(tool, Mapping):
        return ""
    kind = tool.get("type")
    inner = tool.get(kind) if isinstance(kind, str) else None
    for holder in (tool, inner):
        name = holder.get("name") if isinstance(holder, Mapping) else None
        if isinstance(name, str):
            return name
    return kind if isinstance(kind, str) else ""
