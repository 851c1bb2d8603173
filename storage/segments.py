"""The files of the journal: how they are named, which there are, and the whole lines in them.

`journal/<writer>/<number>.jsonl`, eight digits, and `.jsonl.zst` once packed. The highest number of a writer is open.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import zstandard

PLAIN = ".jsonl"
PACKED = ".jsonl.zst"
# A line that is longer was not written by a gateway.
LINE_LIMIT = 64 << 20
_NAME = re.compile(r"(\d{8})(\.jsonl|\.jsonl\.zst)")
_WRITER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CHUNK = 256 << 10
# So little that what it may unfold to stays bounded, whatever it was made to be.
_PACKED_CHUNK = 1 << 10


class SegmentError(Exception):
    """A segment cannot be read to its end."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One file; nothing is appended any more to one that is `closed`."""

    writer: str
    number: int
    path: Path
    closed: bool

    @property
    def packed(self) -> bool:
        return self.path.name.endswith(PACKED)


class Line(NamedTuple):
    """A whole line without its newline, and where it begins in the plain text of its segment."""

    offset: int
    text: bytes


def is_writer(name: str) -> bool:
    """Says whether a writer may be called so."""
    return _WRITER.fullmatch(name) is not None


def segment_path(folder: Path, number: int) -> Path:
    """Gives the path of a segment that is not packed; `folder` is that of its writer."""
    return folder / f"{number:08d}{PLAIN}"


def writers(journal: Path) -> list[str]:
    """Gives the writers that have a folder in the journal, in order of their names."""
    try:
        return sorted(each.name for each in journal.iterdir() if each.is_dir() and is_writer(each.name))
    except FileNotFoundError:
        return []


def segments(journal: Path) -> list[Segment]:
    """Gives all segments of all writers, each writer's in their order."""
    return [segment for writer in writers(journal) for segment in segments_of(journal / writer)]


def segments_of(folder: Path) -> list[Segment]:
    """Gives the segments of one writer's folder in their order.

    Where a segment stands there plain and packed, packing it was cut short: the plain one counts.
    """
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir(), reverse=True):
        if match := _NAME.fullmatch(path.name):
            found[int(match[1])] = path
    last = max(found, default=0)
    return [Segment(folder.name, number, found[number], number < last) for number in sorted(found)]


class SegmentReader:
    """Iterates over the whole lines of a segment, from an offset on that stands at the beginning of a line.

    When it is through, `end` is the offset behind the last whole line and `torn` what stands there of another one.
    Errors: SegmentError, OSError.
    """

    def __init__(self, segment: Segment, offset: int = 0) -> None:
        self._segment = segment
        self._offset = offset
        self.end = offset
        self.torn = b""

    def __iter__(self) -> Iterator[Line]:
        self.end, self.torn = self._offset, b""
        begun: list[bytes] = []
        held = 0
        for chunk in self._chunks():
            *whole, rest = chunk.split(b"\n")
            for piece in whole:
                text = b"".join((*begun, piece)) if begun else piece
                begun.clear()
                held = 0
                line = Line(self.end, text)
                self.end += len(text) + 1
                yield line
            if rest:
                begun.append(rest)
                held += len(rest)
            if held > LINE_LIMIT:
                raise SegmentError(f"{self._segment.path} has a line of more than {LINE_LIMIT} bytes.")
        self.torn = b"".join(begun)

    def _chunks(self) -> Iterator[bytes]:
        path = self._segment.path
        if not self._segment.packed:
            try:
                file = path.open("rb", buffering=0)
            except FileNotFoundError:
                # It may have been packed since it was listed.
                path = path.with_name(path.name.removesuffix(PLAIN) + PACKED)
            else:
                with file:
                    file.seek(self._offset)
                    while chunk := file.read(_CHUNK):
                        yield chunk
                return
        yield from self._behind_offset(unpacked(path))

    def _behind_offset(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        skip = self._offset
        for chunk in chunks:
            if skip < len(chunk):
                yield chunk[skip:]
            skip = max(0, skip - len(chunk))


def unpacked(path: Path) -> Iterator[bytes]:
    """Gives the plain text of a packed segment. A cut or changed file is a SegmentError."""
    unpacking = zstandard.ZstdDecompressor().decompressobj()
    with path.open("rb") as file:
        while not unpacking.eof:
            chunk = file.read(_PACKED_CHUNK)
            if not chunk:
                raise SegmentError(f"{path} is cut short.")
            try:
                text = unpacking.decompress(chunk)
            except zstandard.ZstdError as error:
                raise SegmentError(f"{path} cannot be unpacked: {error}.") from None
            if text:
                yield text
        if unpacking.unused_data or file.read(1):
            raise SegmentError(f"{path} goes on behind its end.")
