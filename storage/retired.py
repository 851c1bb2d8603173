"""Begins a new segment for writers that nobody writes under any more, so that their last lines can grow old and go."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from storage.chain_events import ROOT_START, SEGMENT_START
from storage.journal import Journal
from storage.journal_error import JournalError
from storage.segment_header import header_in
from storage.segments import Segment, SegmentError, SegmentReader, segments_of, writers

RESTING_FOR = timedelta(days=1)


def retire(journal: Path, in_use: Collection[str], sign: Callable[[bytes], bytes], now: datetime) -> list[str]:
    """Ends the last segment of each writer that is not in use, once it is a day old and has events; gives their names.

    Errors: OSError.
    """
    return [writer for writer in _resting(journal, in_use, now) if _ended(journal, writer, sign, now)]


def _resting(journal: Path, in_use: Collection[str], now: datetime) -> Iterator[str]:
    for writer in writers(journal):
        ordered = [] if writer in in_use else segments_of(journal / writer)
        header = header_in(ordered[-1]) if ordered else None
        if header is not None and header.at < now - RESTING_FOR and _has_events(ordered[-1]):
            yield writer


def _has_events(segment: Segment) -> bool:
    try:
        return any(not line.text.startswith((SEGMENT_START, ROOT_START)) for line in SegmentReader(segment))
    except SegmentError:
        return True


def _ended(journal: Path, writer: str, sign: Callable[[bytes], bytes], now: datetime) -> bool:
    resting = Journal(journal, writer, sign=sign, clock=now.timestamp)
    try:
        resting.open()
    except JournalError:
        # Somebody writes under that name after all.
        return False
    resting.close()
    return True
