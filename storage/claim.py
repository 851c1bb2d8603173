"""Holds the folder of a writer for one process, and remembers its last root beside the segments."""

import fcntl
import os
from pathlib import Path

from storage.journal_error import JournalError

LAST_ROOT = "last_root"
_ROOT_LIMIT = 4096


class Claim:
    """Whoever has it writes; the lock goes with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LAST_ROOT
        self._fd: int | None = None

    def take(self) -> None:
        """Takes the folder, or says that another process has it. Errors: JournalError, OSError."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
        """Keeps the line of the latest root, so that a segment that loses its end is missed. Errors: OSError."""
        if self._fd is not None:
            os.pwrite(self._fd, line, 0)
            os.ftruncate(self._fd, len(line))

    def release(self) -> None:
        """Gives the folder to whoever comes next."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def last_root_in(folder: Path) -> bytes | None:
    """Gives the line of the root that a writer wrote last, without newline; None where it never wrote one."""
    try:
        with (folder / LAST_ROOT).open("rb") as file:
            return file.read(_ROOT_LIMIT).partition(b"\n")[0] or None
    except FileNotFoundError:
        return None
