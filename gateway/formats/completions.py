"""The format of the legacy `/completions`: one text for each choice, and no calls."""

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.answers import Change, Set, ToolCall
from gateway.formats.chat import ended_choices, ends, may_end
from gateway.formats.chat_assembled import added_up
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
from gateway.formats.strangers import elements, member, number, string, texts

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

name = "completions"
repeats = False


def pieces(reply: Any) -> list[Piece]:
    """Gives each text of a whole reply."""
    return _pieces(reply, whole=True)


def event_pieces(event: Any) -> list[Piece]:
    """Gives each text of one event."""
    return _pieces(event, whole=False)


def _pieces(reply: Any, *, whole: bool) -> list[Piece]:
    found = []
    for at, choice in enumerate(elements(reply, "choices")):
        if text := string(choice, "text"):
            along = (Set(("choices", at, "logprobs"), None),) if choice.get("logprobs") is not None else ()
            index = number(choice, "index", at)
            found.append(Piece(("choices", at, "text"), "text", index, text, "text", whole, along=along))
    return found


def calls(reply: Any) -> list[FoundCall]:
    """Gives nothing: the format has no calls."""
    return []


def event_calls(event: Any) -> list[CallDelta]:
    """Gives nothing: the format has no calls."""
    return []


def assembled(data: Iterable[bytes]) -> Any:
    """Gives the completion that the events' data add up to, None where none of them is an object."""
    reply = added_up(data, "text_completion")
    for choice in elements(reply, "choices"):
        choice.setdefault("text", "")
    return reply


def output_text(reply: Any) -> str:
    """Gives what the model wrote."""
    return "\n".join(piece.text for piece in pieces(reply))


def input_text(request: Any) -> str:
    """Gives the prompts and the suffix; prompts of token ids have no text."""
    return "\n".join([*texts(member(request, "prompt")), *texts(member(request, "suffix"))])


def context_changes(request: Any, text: str, role: str = "developer") -> tuple[Change, ...]:
    """Gives nothing: a prompt has no turns."""
    return ()


def tool_results(request: Any, reply: Any, results: Sequence[tuple[ToolCall, str]]) -> tuple[Change, ...]:
    """Gives nothing: the format has no calls."""
    return ()
