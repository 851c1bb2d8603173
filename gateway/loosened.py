"""Says whether a request is looser than it was: in a tool loop each step is at least as tight as the one before."""

from collections.abc import Mapping
from math import inf
from typing import Any

from gateway.offered_tools import tool_names

LOWER_IS_TIGHTER: Mapping[str, float] = {
    "temperature": 1,
    "top_p": 1,
    "n": 1,
    "best_of": 1,
    "max_tokens": inf,
    "max_completion_tokens": inf,
    "max_output_tokens": inf,
}
"""The numbers of a request, and what a model takes where there is none."""
_CHOOSING = ("tool_choice", "function_call")


def loosened(before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """Gives the name of a member that is looser than before, None where nothing is."""
    for name, otherwise in LOWER_IS_TIGHTER.items():
        was, now = before.get(name), after.get(name)
        if was != now and _number(now, otherwise) > _number(was, otherwise):
            return name
    if not tool_names(after) <= tool_names(before):
        return "tools"
    return next((name for name in _CHOOSING if _may_call_again(name, before, after)), None)


def _number(value: Any, otherwise: float) -> float:
    return value if value.__class__ in (int, float) else otherwise


def _may_call_again(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether calls were forbidden and may now be made; without tools there is none to make."""
    return before.get(name) == "none" != after.get(name) and bool(after.get("tools") or after.get("functions"))
