"""The two events that the journal writes about itself: where a segment begins, and the root over the lines so far."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from storage.seal import encoded

VERSION = 1
# Stands before what is signed, so that no signature can be taken for one of something else.
PURPOSE = b"lukhas journal root 1\n"
SEGMENT_START = b'{"event":"segment",'
ROOT_START = b'{"event":"root",'
_SIGNATURE = b',"signature":'


class Previous(msgspec.Struct, frozen=True):
    """The line that a segment follows: the last whole one of an earlier segment."""

    number: int
    seal: str


class Header(msgspec.Struct, frozen=True, tag_field="event", tag="segment"):
    """The first line of a segment.

    `first` is the number of this line in the chain of its writer. `lost` lines were there once, says the last root
    that was remembered, and were gone when the segment began; None where that root was gone itself. `continues` says
    that the process which wrote the segment before goes on in this one, so that what it has begun there may still end
    here.
    """

    writer: str
    number: int
    at: datetime
    version: int
    previous: Previous | None
    first: int = 0
    lost: int | None = 0
    continues: bool = False


class Head(msgspec.Struct, frozen=True):
    """Where a writer's chain stood once: `lines` lines, the last of them with this seal.

    Kept elsewhere, with another writer or outside the data folder, it finds a journal that was cut back, or written
    anew as a whole.
    """

    writer: str
    lines: int
    seal: str


class UnsignedRoot(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="event", tag="root"):
    """The Merkle root over the seals of `count` lines, the first of which has the number `first` in its chain.

    `beside` are the last roots of the other writers.
    """

    first: int
    count: int
    root: str
    previous: str | None
    beside: Sequence[Head] = ()


class Root(UnsignedRoot, frozen=True, kw_only=True, tag_field="event", tag="root"):
    """A root as it stands in the journal; its own line has the number `first + count`."""

    signature: str | None

    @property
    def number(self) -> int:
        return self.first + self.count


def root_event(root: UnsignedRoot, sign: Callable[[bytes], bytes] | None) -> bytes:
    """Gives the event of a root, signed where there is a key."""
    start = msgspec.json.encode(root)[:-1]
    signature = b'"' + encoded(sign(PURPOSE + start)) + b'"' if sign else b"null"
    return start + _SIGNATURE + signature + b"}"


def signed_part(body: bytes) -> bytes:
    """Gives what the signature of a root's line covers."""
    return PURPOSE + body.rpartition(_SIGNATURE)[0]


def header_of(line: bytes) -> Header | None:
    """Reads the first line of a segment; None where it is none."""
    try:
        return msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def root_of_line(line: bytes) -> Root | None:
    """Reads the line of a root; None where it is none."""
    try:
        return msgspec.json.decode(line, type=Root)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
