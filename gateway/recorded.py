"""What stands in the record for an answer: its reasons and numbers, of texts no more than their length, and no names.

A plugin that hides a word from a reply must not be the one that writes it down; and who a caller is, the record says
by a pseudonym.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.answers import Amendment, Change, Context, Insert, Nudge, Redact, Retry, Set, ToolResult
from identity.caller import Caller

LONGEST_TEXT = 64


class Identified(msgspec.Struct, frozen=True, tag_field="answer", tag="caller", omit_defaults=True):
    """A Caller without `principal` and `owner`: those name somebody."""

    tier: str
    kind: str
    upstream_key: str
    models: tuple[str, ...] | None = None
    permissions: frozenset[str] = frozenset()
    mode: str | None = None


def recorded(answer: Any) -> Any:
    """Gives the answer as it stands in the trail."""
    shorten = _SHORTENED.get(answer.__class__)
    return answer if shorten is None else shorten(answer)


def _caller(answer: Caller) -> Identified:
    return Identified(answer.tier, answer.kind, answer.upstream_key, answer.models, answer.permissions, answer.mode)


def _length_of(text: Any) -> str:
    return f"[{len(text)} characters]" if isinstance(text, str) else "[no text]"


def _text(answer: Context | Redact) -> Any:
    return msgspec.structs.replace(answer, text=_length_of(answer.text))


def _output(answer: ToolResult) -> ToolResult:
    return msgspec.structs.replace(answer, output=_length_of(answer.output))


def _changes(answer: Nudge | Amendment | Retry) -> Any:
    return msgspec.structs.replace(answer, changes=tuple(_change(each) for each in answer.changes))


def _change(change: Change) -> Change:
    """Leaves what is no change as it is: the pipeline has its own word on that."""
    if not isinstance(change, Set | Insert):
        return change
    return msgspec.structs.replace(change, value=_value(change.value))


def _value(value: Any) -> Any:
    """Keeps numbers and words such as `low`; a longer text, or what holds texts, is told by its size alone."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT and "\n" not in value else _length_of(value)
    if isinstance(value, dict | list | tuple):
        return f"[{type(value).__name__} of {len(value)}]"
    return value


_SHORTENED: dict[type, Callable[[Any], Any]] = {
    Caller: _caller,
    Context: _text,
    Redact: _text,
    ToolResult: _output,
    Nudge: _changes,
    Amendment: _changes,
    Retry: _changes,
}
