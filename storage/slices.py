"""Sorts lines of the journal into slices, one for each table, in the shape that `ingest.sql` loads.

A slice is lines of JSON: `{"writer", "segment", "position", "more", "line"}`, where `line` is what stands in the
journal and `more` its members that no column knows.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

import msgspec

# What stands in every record of an exchange, null where it is not known; all else is left out where there is nothing.
ALWAYS = (
    "audit_id",
    "started",
    "ended",
    "caller",
    "tier",
    "endpoint",
    "method",
    "status",
    "outcome",
    "streamed",
    "model",
    "model_used",
    "upstream_request_id",
    "usage",
    "cost",
    "cost_basis",
    "overhead_ms",
    "first_byte_ms",
    "total_ms",
)
WHERE_KNOWN = (
    "safety_mode",
    "policy",
    "prompt_hash",
    "answer_hash",
    "trace_id",
    "route",
    "signals",
    "changes",
    "tools",
    "retrieval",
    "parameters",
    "refusal",
    "error",
    "degraded",
    "attempts",
    "trail",
)

KNOWN: Mapping[str, frozenset[str]] = {
    "ended": frozenset(("event", *ALWAYS, *WHERE_KNOWN, "seal")),
    "began": frozenset(("event", "audit_id", "at", "caller", "tier", "endpoint", "method", "model", "seal")),
    "incident": frozenset(("event", "audit_id", "at", "caller", "tool", "reason", "action", "seal")),
    "feedback": frozenset(("event", "audit_id", "at", "caller", "rating", "note", "tags", "seal")),
}
"""The members of each event that has a table of its own, as `ingest.sql` reads them."""
SLICES: tuple[str, ...] = (*KNOWN, "other")
# They say something about the journal and nothing about an exchange.
_OF_THE_JOURNAL = ("segment", "root", "retention", "retention_held", "tombstone")
_BEGAN = b'{"event":"began",'
_OF_THE_LINE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError)
Members: TypeAlias = dict[str, msgspec.Raw]


class JournalLine(NamedTuple):
    """A whole line without its newline, and its place; `position` is in bytes from the segment's beginning."""

    writer: str
    segment: int
    position: int
    text: bytes

    @property
    def end(self) -> int:
        """Where the next line begins."""
        return self.position + len(self.text) + 1


class Malformed(NamedTuple):
    """A line that cannot be read, and why."""

    line: JournalLine
    reason: str


class Slices(NamedTuple):
    """Sorted lines: the text of each slice by name, what could not be read, and the longest line in bytes.

    `continued` are the segments whose first line says that its writer only went on to another file.
    """

    texts: Mapping[str, bytes]
    malformed: tuple[Malformed, ...]
    continued: frozenset[tuple[str, int]]
    longest: int


class _Begun(msgspec.Struct, frozen=True, gc=False):
    """What tells whether a beginning's end is known."""

    audit_id: msgspec.Raw = msgspec.Raw(b"")


class Sorter:
    """Sorts lines; a `began` whose `ended` follows among the same lines is left out, since that says it all."""

    def __init__(self) -> None:
        self._members = msgspec.json.Decoder(Members)
        self._begun = msgspec.json.Decoder(_Begun)
        self._text = msgspec.json.Decoder(str)
        self._names = {b'"%b"' % name.encode(): name for name in KNOWN}

    def sort(self, lines: Iterable[JournalLine]) -> Slices:
        """Gives the slices."""
        slices: dict[str, list[bytes]] = {name: [] for name in SLICES}
        begun: dict[bytes, JournalLine] = {}
        malformed: list[Malformed] = []
        continued: set[tuple[str, int]] = set()
        longest = 0
        for line in lines:
            longest = max(longest, len(line.text))
            try:
                # Half of all lines, of which next to none becomes a row.
                if line.text.startswith(_BEGAN):
                    begun[bytes(self._begun.decode(line.text).audit_id)] = line
                    continue
                members = self._members.decode(line.text)
                event = self._event(members)
            except _OF_THE_LINE as error:
                malformed.append(Malformed(line, _reason(error)))
                continue
            if event in _OF_THE_JOURNAL:
                if event == "segment" and members.get("continues") == msgspec.Raw(b"true"):
                    continued.add((line.writer, line.segment))
                continue
            if event == "began":
                begun[bytes(members.get("audit_id", b""))] = line
                continue
            if event == "ended":
                begun.pop(bytes(members.get("audit_id", b"")), None)
            slices[event if event in KNOWN else "other"].append(_row(line, members, KNOWN.get(event)))
        for line in begun.values():
            try:
                # The quick look at its beginning passed over what it holds.
                slices["began"].append(_row(line, self._members.decode(line.text), KNOWN["began"]))
            except _OF_THE_LINE as error:
                malformed.append(Malformed(line, _reason(error)))
        texts = {name: b"".join(rows) for name, rows in slices.items()}
        return Slices(texts, tuple(malformed), frozenset(continued), longest)

    def _event(self, members: Members) -> str:
        raw = members["event"]
        return self._names.get(bytes(raw)) or self._text.decode(raw)


def _row(line: JournalLine, members: Members, known: frozenset[str] | None) -> bytes:
    head = b'{"writer":"%b","segment":%d,"position":%d,' % (line.writer.encode(), line.segment, line.position)
    if known is not None and not members.keys() <= known:
        more = {name: value for name, value in members.items() if name not in known}
        head += b'"more":' + msgspec.json.encode(more) + b","
    return head + b'"line":' + line.text + b"}\n"


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return "It has no member `event`."
    return "It is nested too deeply." if isinstance(error, RecursionError) else f"{error}."
