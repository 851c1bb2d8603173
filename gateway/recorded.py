"""What stands in the record for an answer: its reasons and numbers, of texts no more than their length, and no names.

A plugin that hides a word from a reply must not be the one that writes it down; and who a caller is, the record says
by a pseudonym. Reasons may quote what came from outside, so secrets and personal data are taken out of them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.answers import (
    Amendment,
    Change,
    Context,
    Cut,
    Hold,
    Insert,
    Nudge,
    Path,
    Redact,
    Refusal,
    Retry,
    Route,
    Set,
    Signals,
    ToolResult,
    Usage,
)
from identity.caller import Caller
from policies.personal_data import without_personal_data
from policies.redaction import redacted

LONGEST_REASON = 1000
LONGEST_READ = 4096
# What the API takes as one of a few words. Any other text may be somebody's own.
PARAMETERS = frozenset(
    (
        "background",
        "detail",
        "effort",
        "format",
        "mode",
        "model",
        "prompt_cache_retention",
        "quality",
        "reasoning_effort",
        "service_tier",
        "size",
        "style",
        "summary",
        "tool_choice",
        "truncation",
        "type",
        "verbosity",
        "voice",
    )
)
_WORD = re.compile(r"[\w.:/-]{1,64}")


class Identified(msgspec.Struct, frozen=True, tag_field="answer", tag="caller", omit_defaults=True):
    """A Caller without `principal` and `owner`: those name somebody."""

    tier: str
    kind: str
    upstream_key: str
    models: tuple[str, ...] | None = None
    permissions: frozenset[str] | None = None
    mode: str | None = None


class Accounted(msgspec.Struct, frozen=True, tag_field="answer", tag="usage"):
    """A Usage, whose numbers stand in the record's own `usage`."""


def recorded(answer: Any) -> Any:
    """Gives the answer as it stands in the trail."""
    shorten = _SHORTENED.get(answer.__class__)
    return answer if shorten is None else shorten(answer)


def reason(text: Any) -> Any:
    """Gives a reason or error without the secrets and personal data that it repeats."""
    if not isinstance(text, str):
        return text
    return redacted(without_personal_data(text[:LONGEST_READ]))[:LONGEST_REASON]


def recorded_value(path: Path, value: Any) -> Any:
    """Gives the value of a request's or reply's member: numbers and the words of parameters as they are.

    A text, or what holds texts, is told by its size alone.
    """
    if isinstance(value, str):
        return value if _is_parameter(path) and _WORD.fullmatch(value) else _length_of(value)
    if isinstance(value, Mapping | list | tuple):
        return f"[{'object' if isinstance(value, Mapping) else 'list'} of {len(value)}]"
    return value


def _is_parameter(path: Path) -> bool:
    if path.__class__ is not tuple or not 0 < len(path) <= 2 or path[0] == "metadata":
        return False
    return path[-1].__class__ is str and path[-1] in PARAMETERS


def _caller(answer: Caller) -> Identified:
    permissions = answer.permissions or None
    return Identified(answer.tier, answer.kind, answer.upstream_key, answer.models, permissions, answer.mode)


def _usage(answer: Usage) -> Accounted:
    return _ACCOUNTED


def _length_of(text: Any) -> str:
    return f"[{len(text)} characters]" if isinstance(text, str) else "[no text]"


def _context(answer: Context) -> Context:
    return msgspec.structs.replace(answer, text=_length_of(answer.text), source=reason(answer.source))


def _redact(answer: Redact) -> Redact:
    return msgspec.structs.replace(answer, text=_length_of(answer.text), because=reason(answer.because))


def _output(answer: ToolResult) -> ToolResult:
    return msgspec.structs.replace(answer, output=_length_of(answer.output))


def _refusal(answer: Refusal) -> Refusal:
    message = reason(answer.message)
    return answer if message == answer.message else msgspec.structs.replace(answer, message=message)


def _reasoned(answer: Cut | Hold | Route) -> Any:
    because = reason(answer.because)
    return answer if because == answer.because else msgspec.structs.replace(answer, because=because)


def _signals(answer: Signals) -> Signals:
    if not answer.because or not isinstance(answer.because, Mapping):
        return answer
    because = {name: reason(text) for name, text in answer.because.items()}
    return answer if because == answer.because else msgspec.structs.replace(answer, because=because)


def _nudge(answer: Nudge) -> Any:
    said = {name: tuple(map(reason, getattr(answer, name))) for name in ("reasons", "sources", "damped")}
    return msgspec.structs.replace(_changes(answer), **said)


def _changes(answer: Nudge | Amendment | Retry) -> Any:
    changes = tuple(_change(each) for each in answer.changes)
    return msgspec.structs.replace(answer, changes=changes, because=reason(answer.because))


def _change(change: Change) -> Change:
    """Leaves what is no change as it is: the pipeline has its own word on that."""
    if not isinstance(change, Set | Insert):
        return change
    return msgspec.structs.replace(change, value=recorded_value(change.path, change.value))


_ACCOUNTED = Accounted()
_SHORTENED: dict[type, Callable[[Any], Any]] = {
    Caller: _caller,
    Usage: _usage,
    Context: _context,
    Redact: _redact,
    ToolResult: _output,
    Refusal: _refusal,
    Cut: _reasoned,
    Hold: _reasoned,
    Route: _reasoned,
    Signals: _signals,
    Nudge: _nudge,
    Amendment: _changes,
    Retry: _changes,
}
