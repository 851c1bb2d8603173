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


def disguised(body: Mapping[str, Any]) -> str | None:
    """Gives the first name that is a governed one in other letters, None where there is none."""
    for name in body:
        # Beside capitals there are letters such as the long s, which readers without case take for an s.
        if name not in GOVERNED and name.casefold() in GOVERNED:
            return name
    return None
