"""Takes old segments out of the journal: finds those that may go, says so in the journal, and only then removes them.

A segment may go when all its lines are older than the limit and a signed root has covered them. What the event
`retention` names is removed however often it takes: a removal that a kill cut short is finished by the next one.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from storage.chain_events import ROOT_START, SEGMENT_START, Header, root_of_line
from storage.claim import last_root_in
from storage.packing import sync_folder
from storage.segment_header import header_in
from storage.segments import Segment, SegmentError, SegmentReader, segments_of, writers

RETENTION_START = b'{"event":"retention",'
USUAL = timedelta(days=3)
"""How long overdue something may be that goes without a second look."""
WAIT = timedelta(hours=23)
STALE = timedelta(days=90)
_STARTS = (RETENTION_START, b'{"event":"retention_held",')


class Removed(msgspec.Struct, frozen=True, omit_defaults=True):
    """The segments of a writer up to a number, taken away; `missing` of them were gone before, by no right."""

    writer: str
    through: int
    missing: int = 0


class Retention(msgspec.Struct, frozen=True, tag_field="event", tag="retention"):
    """The event that says which segments are gone by right, all that ever were."""

    removed: Sequence[Removed] = ()
    at: datetime | None = None


class Held(msgspec.Struct, frozen=True, tag_field="event", tag="retention_held"):
    """The event of a removal that waits for a second look, since something would go that is so long overdue."""

    at: datetime
    overdue_days: float


class Said(NamedTuple):
    """What the last event `retention` says, which is all that was ever removed, and when one was held since then.

    `removed` is None where there was no such event.
    """

    removed: tuple[Removed, ...] | None
    held: datetime | None


class Cut(msgspec.Struct, frozen=True):
    """What may go of one writer: the segments `first` to `through`, the oldest line of which was written then."""

    writer: str
    first: int
    through: int
    oldest: datetime


class _Times(msgspec.Struct, frozen=True):
    """When the events of the gateway say that they were written."""

    at: datetime | None = None
    ended: datetime | None = None


class Gone(msgspec.Struct, frozen=True):
    """What was removed of the journal."""

    segments: int = 0
    bytes: int = 0


def cuts_in(journal: Path, before: Callable[[str], datetime]) -> list[Cut]:
    """Finds what may go; `before` gives by the name of a writer how old its lines may be. Errors: OSError."""
    found = (cut_of(journal / writer, before(writer)) for writer in writers(journal))
    return [cut for cut in found if cut is not None]


def cut_of(folder: Path, before: datetime) -> Cut | None:
    """Finds what may go of one writer. Errors: OSError."""
    root_line = last_root_in(folder)
    root = root_of_line(root_line) if root_line is not None else None
    if root is None or root.signature is None:
        return None
    ordered = segments_of(folder)
    cut: Cut | None = None
    oldest: datetime | None = None
    for segment, after in pairwise(ordered):
        header = header_in(after)
        if header is None:
            continue
        newest = _written_until(segment, header, before)
        if newest is None:
            break
        oldest = min(oldest or _begun(segment) or newest, newest)
        if header.first <= root.number + 1:
            cut = Cut(folder.name, ordered[0].number, segment.number, oldest)
    return cut


def _written_until(segment: Segment, after: Header, before: datetime) -> datetime | None:
    """Gives when a segment was written to for the last time, if that was before a moment."""
    if after.at < before:
        # All that stands before a header was written before it.
        return after.at
    # After a pause the next header is much later than the last line.
    last = told = _begun(segment)
    try:
        for line in SegmentReader(segment):
            if not line.text.startswith((SEGMENT_START, ROOT_START)):
                told = _moment(line.text)
                last = max(told, last) if told is not None and last is not None else last
    except SegmentError:
        return None
    # An event that tells no time may have come at any.
    return last if told is not None and last is not None and last < before else None


def _moment(line: bytes) -> datetime | None:
    try:
        times = msgspec.json.decode(line, type=_Times)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    moment = times.ended or times.at
    return moment if moment is not None and moment.tzinfo is not None else None


def said_by(journal: Path, writer: str) -> Said:
    """Gives what a writer's events say of the retention so far. Errors: OSError."""
    folder = journal / writer
    held: datetime | None = None
    for segment in reversed(segments_of(folder) if folder.is_dir() else []):
        said = _said_in(segment)
        held = held or said.held
        if said.removed is not None:
            return Said(said.removed, held)
    return Said((), held)


def _said_in(segment: Segment) -> Said:
    removed: tuple[Removed, ...] | None = None
    held: datetime | None = None
    try:
        for line in SegmentReader(segment):
            if line.text.startswith(_STARTS):
                event = _event(line.text)
                if isinstance(event, Retention):
                    removed, held = tuple(event.removed), None
                elif event is not None:
                    held = event.at
    except SegmentError:
        # What cannot be read is `lukhas audit verify`'s to name.
        pass
    return Said(removed, held)


def _event(line: bytes) -> Retention | Held | None:
    try:
        return msgspec.json.decode(line, type=Retention | Held)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def with_cuts(removed: Iterable[Removed], cuts: Iterable[Cut]) -> tuple[Removed, ...]:
    """Gives what is to be said once these cuts are made too."""
    said = {each.writer: each for each in removed}
    for cut in cuts:
        before = said.get(cut.writer, Removed(cut.writer, 0))
        missing = before.missing + max(0, cut.first - before.through - 1)
        said[cut.writer] = Removed(cut.writer, max(cut.through, before.through), missing)
    return tuple(said[writer] for writer in sorted(said))


def retention_event(removed: Sequence[Removed], at: datetime) -> bytes:
    """Gives the event that has to be on the disk before anything is removed."""
    return msgspec.json.encode(Retention(removed, at))


def held_event(at: datetime, overdue: timedelta) -> bytes:
    """Gives the event of a removal that waits."""
    return msgspec.json.encode(Held(at, round(overdue / timedelta(days=1), 1)))


def may_go_on(said: Said, at: datetime, overdue: timedelta) -> bool:
    """Says whether nothing is unusually long overdue, or the removal was held a day ago and the clock says so still.

    A clock that jumped ahead makes everything look old at once; so does a gateway that was away for long.
    """
    return overdue <= USUAL or (said.held is not None and WAIT <= at - said.held <= STALE)


def is_waiting(said: Said, at: datetime) -> bool:
    """Says whether a removal has been held a while ago, and the wait is not over."""
    return said.held is not None and timedelta(0) <= at - said.held < WAIT


def remove(journal: Path, removed: Iterable[Removed]) -> Gone:
    """Removes what an event `retention` names, as far as it is still there. Errors: OSError.

    The last segment of a writer stays, whatever is said: its number is the one that the next follows.
    """
    segments = size = 0
    for each in removed:
        folder = journal / each.writer
        gone = [segment for segment in _closed(folder) if segment.number <= each.through]
        for segment in gone:
            size += segment.path.stat().st_size
            for path in sorted(folder.glob(f"{segment.number:08d}.jsonl*")):
                path.unlink()
        if gone:
            sync_folder(folder)
        segments += len(gone)
    return Gone(segments, size)


def settle(journal: Path, writer: str) -> None:
    """Returns when what a writer wrote last is on the disk. Errors: OSError."""
    ordered = segments_of(journal / writer)
    if ordered:
        fd = os.open(ordered[-1].path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    sync_folder(journal / writer)


def _closed(folder: Path) -> list[Segment]:
    return [segment for segment in (segments_of(folder) if folder.is_dir() else ()) if segment.closed]


def _begun(segment: Segment) -> datetime | None:
    header = header_in(segment)
    return header.at if header is not None else None
