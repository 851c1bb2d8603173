"""What looking through the journal found: faults, which should not be, and notes, which may be."""

from typing import Literal, TypeAlias

import msgspec

from storage.chain_events import Head

FaultKind: TypeAlias = Literal[
    "changed",
    "dropped",
    "inserted",
    "reordered",
    "missing",
    "misplaced",
    "truncated",
    "unreadable",
    "root",
    "signature",
    "erased",
]
NoteKind: TypeAlias = Literal["torn", "empty", "expired", "unsigned", "unreadable", "erased", "unnamed"]


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that was done to the journal after it was written; `line` counts from 1 in its segment."""

    kind: FaultKind
    writer: str
    segment: int
    says: str
    line: int | None = None
    audit_id: str | None = None


class Note(msgspec.Struct, frozen=True):
    """Something that a kill, a full disk, the retention or an erasure leaves."""

    kind: NoteKind
    writer: str
    segment: int
    says: str


class Walked(msgspec.Struct, frozen=True):
    """What there is of one writer; `unrooted` lines stand behind its last root."""

    writer: str
    segments: int
    lines: int
    roots: int
    unrooted: int


class Report(msgspec.Struct, frozen=True):
    """All that was found; `bytes` are those of the plain lines."""

    faults: tuple[Fault, ...]
    notes: tuple[Note, ...]
    writers: tuple[Walked, ...]
    heads: tuple[Head, ...]
    bytes: int

    @property
    def lines(self) -> int:
        return sum(each.lines for each in self.writers)
