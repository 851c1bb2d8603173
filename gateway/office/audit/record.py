"""The record as the page reads it: known members in their types, and a member that does not fit is as if absent.

Journals outlive the code that wrote them, and other runtimes log what they like: no line makes a page fail.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec

from gateway.office.audit.markup import clipped

LONGEST_TEXT = 1000
Ns: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Ms: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Level: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Usage(msgspec.Struct, frozen=True):
    """Tokens."""

    input_tokens: Count = 0
    output_tokens: Count = 0
    cached_tokens: Count = 0
    reasoning_tokens: Count = 0
    audio_input_tokens: Count = 0
    audio_output_tokens: Count = 0
    estimated: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """Why the exchange was not carried on."""

    message: str
    code: str = "refused"
    status: int = 403


class Attempt(msgspec.Struct, frozen=True):
    """One request to an upstream; times in ns since the exchange arrived."""

    upstream: str
    began_ns: Ns
    ended_ns: Ns
    first_byte_ns: Ns | None = None
    model: str | None = None
    status: int | None = None
    request_id: str | None = None
    error: str | None = None


class Step(msgspec.Struct, frozen=True):
    """One run of one hook of one plugin, or `times` runs that had nothing to say."""

    hook: str
    plugin: str
    began_ns: Ns
    took_ns: Ns
    version: str = ""
    answer: dict[str, Any] | None = None
    fault: str | None = None
    times: Count = 1


class Signal(msgspec.Struct, frozen=True):
    """A level that was read off the request, by whom and why."""

    level: Level
    source: str | None = None
    because: str | None = None


class Change(msgspec.Struct, frozen=True):
    """A parameter before and after; `applied` is false where it was computed only (shadow).

    Without a plugin the gateway made it itself, because of what a plugin answered to `hook`.
    """

    parameter: str
    before: Any = None
    after: Any = None
    because: str = ""
    signal: str | None = None
    plugin: str | None = None
    applied: bool = True
    hook: str | None = None
    kind: str = "set"
    in_reply: bool = False


class ToolUse(msgspec.Struct, frozen=True):
    """One tool that ran; other runtimes tell its time in milliseconds. `summary` is of the arguments."""

    name: str
    took_ms: Ms | None = None
    status: str = "ok"
    took_ns: Ns | None = None
    summary: str = ""
    tokens: Count | None = None

    @property
    def took(self) -> float | None:
        """How long it took, in milliseconds."""
        return self.took_ms if self.took_ns is None else self.took_ns / 1e6


class Blocked(msgspec.Struct, frozen=True):
    """One call that was not let through: why, in which safety mode, and what was done."""

    name: str
    because: str = ""
    summary: str = ""
    safety_mode: str = ""
    action: str = ""


class Tools(msgspec.Struct, frozen=True):
    """Which tools were allowed, which ran, which calls were blocked."""

    allowed: list[str] | None = None
    used: list[ToolUse] = []
    blocked: list[Blocked] = []


class Target(msgspec.Struct, frozen=True):
    """One place to which an exchange may go."""

    upstream: str = "default"
    model: str | None = None


class Route(msgspec.Struct, frozen=True):
    """Where a plugin sent the exchange; `answered` is the number of the target that answered, from 0."""

    targets: list[Target]
    answered: Count | None = None
    because: str = ""


class Retrieval(msgspec.Struct, frozen=True):
    """How much the model was reminded of."""

    hits: Count
    characters: Count = 0


class Verdict(msgspec.Struct, frozen=True):
    """What moderation said of one text: the input, a tool's output, the answer."""

    of: str
    verdict: str
    because: str = ""


class Guardian(msgspec.Struct, frozen=True):
    """What the guardian decided."""

    verdict: str
    because: str = ""


class Record(msgspec.Struct, frozen=True):
    """An exchange; what is not known is None or empty. `logged_by` is set where another runtime carried it."""

    event: str = "ended"
    audit_id: str = ""
    at: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    caller: str | None = None
    tier: str | None = None
    endpoint: str | None = None
    method: str | None = None
    status: int | None = None
    outcome: str | None = None
    streamed: bool = False
    model: str | None = None
    model_used: str | None = None
    upstream_request_id: str | None = None
    usage: Usage | None = None
    overhead_ms: Ms | None = None
    first_byte_ms: Ms | None = None
    total_ms: Ms | None = None
    trace_id: str | None = None
    websocket: str | None = None
    refusal: Refusal | None = None
    error: str | None = None
    cost: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    cost_basis: str | None = None
    prompt_hash: str | None = None
    answer_hash: str | None = None
    safety_mode: str | None = None
    policy: str | None = None
    route: Route | None = None
    retrieval: Retrieval | None = None
    signals: dict[str, Signal | Level] = {}
    changes: list[Change] = []
    tools: Tools | None = None
    moderation: list[Verdict] = []
    guardian: Guardian | None = None
    explanation: str | None = None
    degraded: bool | list[str] = False
    attempts: list[Attempt] = []
    trail: list[Step] = []
    seal: str | None = None
    logged_by: str | None = None

    @property
    def ran_ns(self) -> int:
        """How long it ran, as far as anything in it tells."""
        ends = [attempt.ended_ns for attempt in self.attempts]
        ends += [step.began_ns + step.took_ns for step in self.trail]
        return max(ends, default=0) if self.total_ms is None else max(0, round(self.total_ms * 1e6), *ends)


def record_of(line: bytes) -> Record:
    """Gives the record of a line; what another runtime logged is the bundle in it, under the name of who sent it."""
    values = _decoded(line)
    if values.get("event") == "logged" and isinstance(values.get("bundle"), dict):
        said = {**values["bundle"], "event": "logged", "audit_id": values.get("audit_id"), "seal": values.get("seal")}
        return _fitting({**said, "logged_by": _logger_of(values)})
    return _fitting({**values, "logged_by": None})


def _decoded(line: bytes) -> Mapping[str, Any]:
    try:
        values = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _logger_of(values: Mapping[str, Any]) -> str:
    source = values.get("source")
    name = source.get("principal") if isinstance(source, dict) else None
    return name if isinstance(name, str) else "someone unknown"


def _fitting(values: Mapping[str, Any]) -> Record:
    members: dict[str, Any] = {}
    for field in msgspec.structs.fields(Record):
        if field.name in values:
            try:
                members[field.name] = msgspec.convert(_bounded(values[field.name]), field.type)
            except (msgspec.ValidationError, ValueError, OverflowError, RecursionError):
                continue
    return Record(**members)


def _bounded(value: Any) -> Any:
    """Gives a value whose texts a page can hold; all of them stand in the raw record."""
    if isinstance(value, str):
        return clipped(value, LONGEST_TEXT)
    if isinstance(value, dict):
        return {clipped(name, LONGEST_TEXT): _bounded(each) for name, each in value.items()}
    return [_bounded(each) for each in value] if isinstance(value, list) else value
