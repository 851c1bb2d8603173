"""Holds the folder of a writer for one process, and remembers its last root beside the segments."""

import fcntl
import os
from pathlib import Path

from storage.journal_error import JournalError

LAST_ROOT = "last_root"
LOCK = "lock"
# A root names the other writers of its journal, about 100 bytes each.
_ROOT_LIMIT = 256 << 10


class Claim:
    """Whoever has it writes; the lock goes with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LAST_ROOT
        self._lock = folder / LOCK
        self._fresh = folder / f"{LAST_ROOT}.new"
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

        Other writers read it meanwhile, and never half of it.
        """
        if self._fd is None:
            return
        fd = os.open(self._fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, line)
        finally:
            os.close(fd)
        self._fresh.replace(self.path)

    def release(self) -> None:
        """Gives the folder to whoever comes next."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def last_root_in(folder: Path) -> bytes | None:
    """Gives the line of the root that a writer wrote last, without newline; None where none is remembered."""
    try:
        with (folder / LAST_ROOT).open("rb") as file:
            return file.read(_ROOT_LIMIT).partition(b"\n")[0]
    except FileNotFoundError:
        return None
