"""Finds members of a request that are governed, but for the letters' case: some upstreams read names in any case."""

from collections.abc import Mapping
from typing import Any

GOVERNED = frozenset(
    (
        "background",
        "best_of",
        "conversation",
        "function_call",
        "functions",
        "input",
        "instructions",
        "max_completion_tokens",
        "max_output_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt",
        "reasoning",
        "reasoning_effort",
        "stop",
        "store",
        "stream",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_p",
        "verbosity",
        "web_search_options",
    )
)
"""What the gateway reads or writes of a request."""
WITHOUT_TOOLS = frozenset(("embeddings", "moderations"))
"""Endpoints whose requests have no tools, and may have an input of thousands of texts."""
_HOLDERS = frozenset(("function_call", "functions", "input", "session", "tool_choice", "tools"))
"""Those below which tools stand."""
_OF_TOOLS = frozenset(
    ("allowed_tools", "custom", "function", "mode", "name", "server_label", "tool_names", "tools", "type")
)
"""What is read of a tool, and of what chooses among them."""
_PLAIN = frozenset(("description", "function", "name", "parameters", "strict", "type"))
_CARRIERS = frozenset(("additional_tools", "tool_search_output"))
_DEEPEST = 4
"""A namespace holds tools, and a choice names them; nobody reads deeper."""


def disguised(body: Mapping[str, Any], *, tools: bool = True) -> str | None:
    """Gives the first name that is a governed one in other letters, None where there is none.

    A name below the top comes with the way to it: `tools[0].Function`; `tools` says whether any may stand there.
    """
    for name in body:
        # Beside capitals there are letters such as the long s, which readers without case take for an s.
        if name not in GOVERNED and name.casefold() in GOVERNED:
            return name
    return _among_tools(body) if tools and not _HOLDERS.isdisjoint(body) else None


def _among_tools(body: Mapping[str, Any]) -> str | None:
    for holder in ("tools", "functions"):
        if (found := _in_list(body.get(holder), _DEEPEST)) is not None:
            return f"{holder}{found}"
    for holder in ("tool_choice", "function_call"):
        if (found := _in_tool(body.get(holder), _DEEPEST)) is not None:
            return f"{holder}{found}"
    asked, session = body.get("input"), body.get("session")
    if asked.__class__ is list:
        return _in_items(asked)
    if session.__class__ is dict and (found := disguised(session)) is not None:
        return f"session.{found}"
    return None


def _in_items(items: list[Any]) -> str | None:
    """Looks at those that carry tools, and at those that may, since they do not say what they are."""
    for at, item in enumerate(items):
        if item.__class__ is not dict:
            continue
        kind = item.get("type")
        carries = "role" not in item if kind is None else kind.__class__ is str and kind in _CARRIERS
        if carries and (found := _in_tool(item, _DEEPEST)) is not None:
            return f"input[{at}]{found}"
    return None


def _in_list(tools: Any, deepest: int) -> str | None:
    for at, tool in enumerate(tools if tools.__class__ is list else ()):
        if tool.__class__ is dict and _PLAIN.issuperset(tool):
            inner = tool.get("function")
            if inner is None or (inner.__class__ is dict and _PLAIN.issuperset(inner)):
                # Nearly every tool is such a one.
                continue
        if (found := _in_tool(tool, deepest)) is not None:
            return f"[{at}]{found}"
    return None


def _in_tool(tool: Any, deepest: int) -> str | None:
    """Gives the way to the first name of a tool, or of what is in it, that is written otherwise than it is read."""
    if tool.__class__ is not dict or not deepest:
        return None
    for name in tool:
        if name not in _OF_TOOLS and name.casefold() in _OF_TOOLS:
            return f".{name}"
    for name in ("function", "custom", "allowed_tools"):
        if (found := _in_tool(tool.get(name), deepest - 1)) is not None:
            return f".{name}{found}"
    found = _in_list(tool.get("tools"), deepest - 1)
    return None if found is None else f".tools{found}"
