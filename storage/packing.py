"""Packs closed segments of the journal with zstd."""

import os
from hashlib import sha256
from pathlib import Path

import zstandard

from storage.segments import PACKED, PLAIN, Segment, SegmentError, unpacked

# What is in a record that can be packed at all is its repetition: level 6 takes six times as long for a thirtieth less.
_LEVEL = 1
_CHUNK = 256 << 10


def pack(segment: Segment) -> Segment:
    """Puts the packed file in the place of the plain one, after reading it back; gives what is there now.

    A kill leaves the plain file, the packed one, or both with the same text. Errors: SegmentError, OSError.
    """
    if segment.packed:
        return segment
    if not segment.closed:
        raise SegmentError(f"{segment.path} is still written.")
    path = segment.path.with_name(segment.path.name.removesuffix(PLAIN) + PACKED)
    fresh = path.with_name(f"{path.name}.new")
    try:
        digest = _write(segment.path, fresh)
        if _digest(fresh) != digest:
            raise SegmentError(f"{fresh} is not what was packed into it.")
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(path.parent)
    segment.path.unlink()
    return Segment(segment.writer, segment.number, path, True)


def sync_folder(folder: Path) -> None:
    """Returns when the names in a folder are on the disk."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write(plain: Path, packed: Path) -> bytes:
    digest = sha256()
    fd = os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with plain.open("rb") as source, os.fdopen(fd, "wb") as target:
        packing = zstandard.ZstdCompressor(_LEVEL, write_checksum=True).compressobj()
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            target.write(packing.compress(chunk))
        target.write(packing.flush())
        target.flush()
        os.fsync(target.fileno())
    return digest.digest()


def _digest(packed: Path) -> bytes:
    digest = sha256()
    for chunk in unpacked(packed):
        digest.update(chunk)
    return digest.digest()
