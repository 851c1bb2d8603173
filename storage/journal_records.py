"""Reads records out of all segments of the journal: one by its id, or all of a time, a writer's in their order."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from storage.bundles import AUDIT_ID, SLACK, Outliner, Search, fits, moment_of
from storage.segment_header import header_in
from storage.segments import Segment, SegmentError, SegmentReader, segments_of, writers

LONGEST_EXCHANGE = timedelta(days=1)
"""How long after its beginning the end of an exchange is looked for."""
_ENDS = (b'{"event":"ended"', b'{"event":"logged"')
_STARTS = (*_ENDS, b'{"event":"began"')
_RANK = {"began": 0, "logged": 1, "ended": 2}
_CHUNK = 1 << 20


def find_record(journal: Path, audit_id: str) -> bytes | None:
    """Gives the line of an exchange that says most: its end, a logged bundle, its beginning. Errors: OSError."""
    if not AUDIT_ID.fullmatch(audit_id):
        return None
    mark = f'"audit_id":"{audit_id}"'.encode()
    moment, outline = moment_of(audit_id), Outliner()
    best: tuple[int, bytes] | None = None
    for segment in _segments(journal, moment, moment):
        for text in _lines(segment):
            found = outline(text) if mark in text and text.startswith(_STARTS) else None
            if found is None or found.audit_id != audit_id:
                continue
            if best is None or _RANK[found.event] > best[0]:
                best = (_RANK[found.event], text)
            if found.event == "ended":
                return text
    return best[1] if best else None


def records(journal: Path, search: Search, *, progress: Callable[[int], None] = lambda _: None) -> Iterator[bytes]:
    """Gives the lines of all exchanges that fit and ended, or were logged. Errors: OSError.

    What cannot be read of a segment is passed over: `lukhas audit verify` names it. `progress` learns how many bytes
    of the files have been read since it was told last.
    """
    outline = Outliner()
    for segment in _segments(journal, search.since, search.until):
        told, size = 0, segment.path.stat().st_size if segment.path.exists() else 0
        for text in _lines(segment):
            told += len(text) + 1
            if told >= _CHUNK and not segment.packed:
                progress(told)
                size, told = size - told, 0
            found = outline(text) if text.startswith(_ENDS) else None
            if found is not None and fits(found, search):
                yield text
        progress(max(size, 0))


def bytes_of(journal: Path, search: Search) -> int:
    """Gives how many bytes of files `records` reads. Errors: OSError."""
    return sum(segment.path.stat().st_size for segment in _segments(journal, search.since, search.until))


def _segments(journal: Path, since: datetime | None, until: datetime | None) -> Iterator[Segment]:
    """Gives the segments in which exchanges may have ended that began between these moments."""
    for writer in writers(journal):
        ordered = segments_of(journal / writer)
        begun = {segment.number: _begun(segment) for segment in ordered} if since or until else {}
        for segment, after in pairwise([*ordered, None]):
            begins = begun.get(segment.number) if segment else None
            ends = begun.get(after.number) if after else None
            if segment is None or (since and ends and ends < since - SLACK):
                continue
            if until and begins and begins > until + LONGEST_EXCHANGE:
                continue
            yield segment


def _begun(segment: Segment) -> datetime | None:
    header = header_in(segment)
    return header.at if header is not None else None


def _lines(segment: Segment) -> Iterator[bytes]:
    try:
        for line in SegmentReader(segment):
            yield line.text
    except (SegmentError, FileNotFoundError):
        # Damaged, or taken away by the retention meanwhile.
        return
