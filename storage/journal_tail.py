"""Finds records in the newest segments of the journal, read from their ends: what has just been written is there.

How far it reads back is bounded; what lies further back is the warehouse's to find.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from storage.bodies import is_bodies_writer
from storage.bundles import AUDIT_ID, SLACK, Outline, Outliner, Position, Search, fits, moment_of, newest

REACH = 32 << 20
BLOCK = 1 << 20
_BEGAN = b'{"event":"began","audit_id":"'
_LISTED = (b'{"event":"ended"', b'{"event":"logged"')
# What is told of an exchange where its lines say several things: the end before a logged bundle before the beginning.
_RANK = {"ended": 3, "logged": 2, "began": 1}


class JournalTail:
    """Answers from `journal/<writer>/<number>.jsonl`; reads at most `reach` bytes of each writer for an answer."""

    def __init__(self, folder: Path, *, reach: int = REACH, block: int = BLOCK) -> None:
        self._folder = folder
        self._reach = reach
        self._block = block
        self._outline = Outliner()

    def find(self, audit_id: str) -> bytes | None:
        """Gives the line that says most about an exchange, None where the newest segments have none."""
        if not AUDIT_ID.fullmatch(audit_id):
            return None
        best: tuple[int, bytes] | None = None
        for writer in self._writers():
            found = self._found_in(writer, audit_id)
            if found is not None and (best is None or found[0] > best[0]):
                best = found
            if best is not None and best[0] == _RANK["ended"]:
                break
        return best[1] if best else None

    def listed(self, search: Search, limit: int) -> list[bytes]:
        """Gives the newest lines of exchanges that ended or were logged."""
        found: dict[str, tuple[Position, bytes]] = {}
        for writer in self._writers():
            mine: dict[str, tuple[Position, bytes]] = {}
            for block in self._blocks(writer):
                for outline, line in self._records(block):
                    if fits(outline, search):
                        mine[outline.audit_id] = (outline.position, line)
                if _nothing_newer_before(block, search, mine, limit):
                    break
            found |= mine
        return newest(found.values(), limit)

    def _found_in(self, writer: Path, audit_id: str) -> tuple[int, bytes] | None:
        needle = f'"audit_id":"{audit_id}"'.encode()
        arrived = moment_of(audit_id)
        best: tuple[int, bytes] | None = None
        for block in self._blocks(writer):
            for line in _lines_with(block, needle):
                outline = self._outline(line)
                rank = _RANK.get(outline.event, 0) if outline is not None and outline.audit_id == audit_id else 0
                if rank > (best[0] if best else 0):
                    best = (rank, line)
            earliest = _earliest(block)
            began_here = best is not None and best[0] != _RANK["logged"]
            if began_here or (arrived is not None and earliest is not None and earliest < arrived - SLACK):
                return best
        return best

    def _records(self, block: bytes) -> Iterator[tuple[Outline, bytes]]:
        for line in block.split(b"\n"):
            outline = self._outline(line) if line.startswith(_LISTED) else None
            if outline is not None:
                yield outline, line

    def _writers(self) -> list[Path]:
        try:
            return sorted(path for path in self._folder.iterdir() if path.is_dir() and not is_bodies_writer(path.name))
        except OSError:
            return []

    def _blocks(self, writer: Path) -> Iterator[bytes]:
        """Gives whole lines of a writer, block by block, the last block first."""
        left = self._reach
        for segment in sorted(writer.glob("*.jsonl"), reverse=True):
            for block in _blocks_of(segment, self._block):
                yield block
                left -= len(block)
                if left <= 0:
                    return


def _blocks_of(segment: Path, size: int) -> Iterator[bytes]:
    try:
        fd = os.open(segment, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        # Compressed since it was listed: then the warehouse has it.
        return
    try:
        at, rest, torn = os.fstat(fd).st_size, b"", True
        while at > 0:
            start = max(0, at - size)
            data = os.pread(fd, at - start, start) + rest
            at = start
            if torn:
                # A line without its end is one that was cut, or that is being written now.
                data, torn = data[: data.rfind(b"\n") + 1], b"\n" not in data
            cut = 0 if start == 0 else (data.find(b"\n") + 1 or len(data))
            rest, data = data[:cut], data[cut:]
            if data:
                yield data
    finally:
        os.close(fd)


def _lines_with(block: bytes, needle: bytes) -> Iterator[bytes]:
    at = block.rfind(needle)
    while at >= 0:
        start = block.rfind(b"\n", 0, at) + 1
        end = block.find(b"\n", at)
        yield block[start : end if end >= 0 else len(block)]
        at = block.rfind(needle, 0, start)


def _nothing_newer_before(block: bytes, search: Search, found: dict[str, tuple[Position, bytes]], limit: int) -> bool:
    """Whether no line that stands before this block can be among the newest."""
    earliest = _earliest(block)
    if earliest is None:
        return False
    # What was written before this moment had begun before it.
    latest = earliest + SLACK
    if search.since is not None and latest < search.since:
        return True
    return (
        len(found) >= limit
        and sorted((position for position, _ in found.values()), reverse=True)[limit - 1][0] > latest
    )


def _earliest(block: bytes) -> datetime | None:
    """Gives about when a block began to be written: when the first exchange arrived that begins in it."""
    at = 0 if block.startswith(_BEGAN) else block.find(b"\n" + _BEGAN) + 1
    if at == 0 and not block.startswith(_BEGAN):
        return None
    start = at + len(_BEGAN)
    return moment_of(block[start : block.find(b'"', start)].decode("ascii", "replace"))
