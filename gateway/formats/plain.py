"""The format of every other endpoint: nothing in its replies is read but the usage."""

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.answers import Change, ToolCall
from gateway.formats.chat import ends, may_end
from gateway.formats.counts import usage
from gateway.formats.found import CallDelta, FoundCall, Piece
from gateway.formats.no_calls import (
    answered_calls,
    cut_short,
    joined,
    made_with,
    may_call,
    may_hold_call,
    noted,
    put_back,
    seam,
    step_of,
    stray_call,
)
from gateway.formats.strangers import decoded, member, texts

__all__ = [
    "answered_calls",
    "assembled",
    "calls",
    "context_changes",
    "cut_short",
    "ended_choices",
    "ends",
    "event_calls",
    "event_pieces",
    "input_text",
    "joined",
    "made_with",
    "may_call",
    "may_end",
    "may_hold_call",
    "name",
    "noted",
    "output_text",
    "pieces",
    "put_back",
    "repeats",
    "seam",
    "step_of",
    "stray_call",
    "tool_results",
    "usage",
]

name = "plain"
repeats = False


def pieces(reply: Any) -> list[Piece]:
    """Gives nothing."""
    return []


def event_pieces(event: Any) -> list[Piece]:
    """Gives nothing."""
    return []


def calls(reply: Any) -> list[FoundCall]:
    """Gives nothing."""
    return []


def event_calls(event: Any) -> list[CallDelta]:
    """Gives nothing."""
    return []


def ended_choices(event: Any) -> list[int]:
    """Gives nothing."""
    return []


def assembled(data: Iterable[bytes]) -> Any:
    """Gives the last event with usage, else the last: that of audio and images is shaped like the whole reply."""
    last = None
    for each in data:
        event = decoded(each)
        if event.__class__ is dict and (last is None or usage(event) or not usage(last)):
            last = event
    return last


def output_text(reply: Any) -> str:
    """Gives the text of a transcription, empty for anything else."""
    text = member(reply, "text")
    return text if isinstance(text, str) else ""


def input_text(request: Any) -> str:
    """Gives the texts of the members that hold what the model reads."""
    return "\n".join(text for key in ("instructions", "input", "prompt") for text in texts(member(request, key)))


def context_changes(request: Any, text: str, role: str = "developer") -> tuple[Change, ...]:
    """Gives nothing: there are no turns."""
    return ()


def tool_results(request: Any, reply: Any, results: Sequence[tuple[ToolCall, str]]) -> tuple[Change, ...]:
    """Gives nothing: there are no calls."""
    return ()
