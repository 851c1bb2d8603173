"""Reads the first line of a segment, which says when it was begun and where its writer's chain stood."""

from storage.chain_events import SEGMENT_START, Header, header_of
from storage.segments import Segment, SegmentError, SegmentReader


def header_in(segment: Segment) -> Header | None:
    """Gives the header of a segment; None where it has none, or is gone. Errors: OSError."""
    try:
        line = next(iter(SegmentReader(segment)), None)
    except (SegmentError, FileNotFoundError):
        return None
    return header_of(line.text) if line is not None and line.text.startswith(SEGMENT_START) else None
