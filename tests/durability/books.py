"""Compares what clients and upstream saw with what the journal and the warehouse say of it.

It reads the journal by itself, so that it does not share the mistakes of the gateway's own reader.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import zstandard

from tests.durability.crowd import Told


class Line(msgspec.Struct, frozen=True):
    """What is read of a line of the journal."""

    event: str
    audit_id: str = ""
    model: str | None = None
    outcome: str | None = None


class Row(NamedTuple):
    """What is read of a row of the view `exchanges`."""

    audit_id: str
    outcome: str


class Figures(NamedTuple):
    """How many requests were sent, came whole, reached the upstream, began and ended; the rest of the begun is lost."""

    sent: int
    whole: int
    asked: int
    began: int
    ended: int
    rows: int

    @property
    def lost(self) -> int:
        return self.began - self.ended


def exchange_lines(data: Path) -> list[Line]:
    """Gives the lines of all exchanges, whole ones alone, from segments plain and packed."""
    folder = data / "journal"
    segments = sorted({path.with_name(path.name.partition(".")[0]) for path in folder.glob("*/[0-9]*.jsonl*")})
    lines = [line for segment in segments for line in _lines(segment)]
    return [line for line in lines if line.event in ("began", "ended")]


def figures(told: Sequence[Told], asked: Sequence[str], lines: Sequence[Line], rows: Sequence[Row]) -> Figures:
    """Counts."""
    events = Counter(line.event for line in lines)
    whole = sum(each.fate == "whole" for each in told)
    return Figures(len(told), whole, len(asked), events["began"], events["ended"], len(rows))


def faults(told: Iterable[Told], asked: Iterable[str], lines: Sequence[Line], rows: Sequence[Row]) -> list[str]:
    """Says what is not as it was promised."""
    return [*_faults_of_journal(told, asked, lines), *_faults_of_rows(lines, rows)]


def _faults_of_journal(told: Iterable[Told], asked: Iterable[str], lines: Sequence[Line]) -> Iterator[str]:
    times = Counter((line.event, line.audit_id) for line in lines)
    for (event, audit_id), count in times.items():
        if count > 1:
            yield f"{audit_id} has {count} lines {event}"
    for line in lines:
        if line.event == "ended" and ("began", line.audit_id) not in times:
            yield f"{line.audit_id} has ended and never began"
    ended = {(line.audit_id, line.model) for line in lines if line.event == "ended"}
    for each in told:
        if each.fate == "whole" and (each.audit_id, each.model) not in ended:
            yield f"{each.audit_id} ({each.model}) was answered and has no line ended"
    begun = {line.model for line in lines if line.event == "began"}
    for model in asked:
        if model not in begun:
            yield f"{model} reached the upstream and never began"


def _faults_of_rows(lines: Sequence[Line], rows: Sequence[Row]) -> Iterator[str]:
    expected = {line.audit_id: "lost" for line in lines if line.event == "began"}
    expected |= {line.audit_id: line.outcome or "" for line in lines if line.event == "ended"}
    found = Counter(row.audit_id for row in rows)
    for audit_id, outcome in expected.items():
        if found[audit_id] != 1:
            yield f"{audit_id} ({outcome}) has {found[audit_id]} rows"
    for row in rows:
        if row.audit_id not in expected:
            yield f"{row.audit_id} has a row and no line"
        elif row.outcome != expected[row.audit_id]:
            yield f"{row.audit_id} is {row.outcome} in its row, and {expected[row.audit_id]} in the journal"


def _lines(segment: Path) -> list[Line]:
    # A segment that is packed meanwhile has its packed name before it loses the plain one.
    try:
        text = segment.with_name(f"{segment.name}.jsonl").read_bytes()
    except FileNotFoundError:
        packed = segment.with_name(f"{segment.name}.jsonl.zst").read_bytes()
        text = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    return [msgspec.json.decode(line, type=Line) for line in text.split(b"\n")[:-1]]
