"""Looks into the journal for records that name people by pseudonym, where the file that knows them is gone."""

import re
from contextlib import suppress
from itertools import islice
from pathlib import Path

from storage.segments import SegmentError, SegmentReader, segments_of, writers

MOST_SEGMENTS = 3
MOST_LINES = 2000
_NAMED = re.compile(rb'"caller":"p-[0-9a-f]{20}"')


def names_people(journal: Path) -> bool:
    """Whether one of the last records of any writer names somebody. Errors: OSError."""
    for writer in writers(journal):
        for segment in reversed(segments_of(journal / writer)[-MOST_SEGMENTS:]):
            with suppress(SegmentError):
                if any(_NAMED.search(line.text) for line in islice(SegmentReader(segment), MOST_LINES)):
                    return True
    return False
