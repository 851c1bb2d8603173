"""The event that says that a person was erased, by whose authority and why; a keyring that is older heeds it."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from storage.segments import SegmentError, SegmentReader, segments_of

OFFICE = "office"
"""The writer of the journal that erases."""
TOMBSTONE_START = b'{"event":"tombstone",'


class Tombstone(msgspec.Struct, frozen=True, tag_field="event", tag="tombstone"):
    """`person` is the pseudonym; `by` that of whoever asked for it, or `admin`, `operator`."""

    at: datetime
    person: str
    by: str
    because: str = ""


class Heeded(NamedTuple):
    """The tombstones from a segment on, and the highest segment that there is, 0 where there is none."""

    tombstones: list[Tombstone]
    through: int


def tombstone_event(tombstone: Tombstone) -> bytes:
    """Gives the event, which stands in the journal before anything is erased."""
    return msgspec.json.encode(tombstone)


def tombstone_of(line: bytes) -> Tombstone | None:
    """Reads a line of the journal; None where it is no tombstone."""
    if not line.startswith(TOMBSTONE_START):
        return None
    try:
        return msgspec.json.decode(line, type=Tombstone)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def tombstones_from(journal: Path, segment: int) -> Heeded:
    """Gives the tombstones in that segment and later ones; all where the journal ends before it. Errors: OSError."""
    folder = journal / OFFICE
    there = segments_of(folder) if folder.is_dir() else []
    through = there[-1].number if there else 0
    found: list[Tombstone] = []
    for each in there:
        if each.number < segment <= through:
            continue
        try:
            for line in SegmentReader(each):
                tombstone = tombstone_of(line.text)
                if tombstone is not None:
                    found.append(tombstone)
        except SegmentError:
            # What can be read counts; `lukhas audit verify` names the rest.
            continue
    return Heeded(found, through)
