"""Holds the folder of a writer for one process, and remembers its last root beside the segments."""

import fcntl
import os
from pathlib import Path
from zlib import crc32

from storage.journal_error import JournalError

LAST_ROOT = "last_root"
LOCK = "lock"
SLOT_BYTES = 256 << 10
"""Where the second of two lines begins. A root names the other writers of its journal, about 100 bytes each."""


class Claim:
    """Whoever has it writes; the lock goes with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LAST_ROOT
        self._lock = folder / LOCK
        self._count = 0
        self._fd: int | None = None

    def take(self) -> None:
        """Takes the folder, or says that another process has it. Errors: JournalError, OSError."""
        fd = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            if isinstance(error, BlockingIOError):
                raise JournalError(
                    f"The journal {self.path.parent} is being written by another process. "
                    "Two gateways cannot share a data folder: stop the other one, or name another folder with --data."
                ) from None
            raise
        self._fd = fd

    def remember(self, line: bytes) -> None:
        """Keeps the line of the latest root, so that a segment that loses its end is missed. Errors: OSError.

        It takes the place of the line before the last, so that the last one is there whole whenever the process is
        killed. Nothing waits for the disk, as a file that is put in the place of another does for milliseconds; so both
        may be gone when the machine loses its power. A line that has no room is not kept: the one before is true, too.
        """
        if self._fd is None:
            return
        if not self._count:
            self._count, _ = max(_slots(self.path), default=(0, b""))
        slot = b"%d %08x %b" % (self._count + 1, crc32(line), line)
        if len(slot) > SLOT_BYTES:
            return
        self._count += 1
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(fd, slot, self._count % 2 * SLOT_BYTES)
        finally:
            os.close(fd)

    def release(self) -> None:
        """Gives the folder to whoever comes next."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def last_root_in(folder: Path) -> bytes | None:
    """Gives the line of the root that a writer wrote last, without newline; empty where it cannot be read.

    None where none was ever remembered.
    """
    slots = _slots(folder / LAST_ROOT)
    return max(slots)[1] if slots else None


def _slots(path: Path) -> list[tuple[int, bytes]]:
    """Gives the lines that are remembered, each with its count; a half-written one, or none, counts as 0."""
    try:
        with path.open("rb") as file:
            slots = []
            for number in (0, 1):
                file.seek(number * SLOT_BYTES)
                slots.append(_read(file.readline(SLOT_BYTES)))
            return slots
    except FileNotFoundError:
        return []


def _read(slot: bytes) -> tuple[int, bytes]:
    if slot.startswith(b"{"):
        # So the file was written when it held one line.
        return 0, slot.rstrip(b"\n")
    count, _, rest = slot.partition(b" ")
    code, _, line = rest.partition(b" ")
    if not count.isdigit() or code != b"%08x" % crc32(line):
        return 0, b""
    return int(count), line.rstrip(b"\n")
