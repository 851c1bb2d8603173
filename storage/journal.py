"""The journal: every event one JSON line, appended with one write to a file of this process alone.

What has been handed to the operating system survives the end of the process, however it ends.
"""

import os
from pathlib import Path


class JournalError(Exception):
    """A line could not be appended: the disk is full or broken."""


class Journal:
    """Appends lines to one segment, `journal/{writer}.jsonl` in the data folder."""

    def __init__(self, folder: Path, writer: str) -> None:
        self.path = folder / f"{writer}.jsonl"
        self._fd: int | None = None
        self._torn = False
        self.failure: str | None = None

    def open(self) -> None:
        """Makes the segment ready. Errors: JournalError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            size = os.fstat(self._fd).st_size
            self._torn = size > 0 and os.pread(self._fd, 1, size - 1) != b"\n"
        except OSError as error:
            raise JournalError(f"The journal {self.path} cannot be opened: {error.strerror}.") from None

    def append(self, lines: bytes) -> None:
        """Appends whole lines in one write; returns when the operating system has them. Errors: JournalError."""
        if self._fd is None:
            raise JournalError("The journal is closed.")
        if self._torn:
            # What a full disk, or the end of a process, left of a line must not take this one with it.
            lines = b"\n" + lines
        try:
            written = os.write(self._fd, lines)
        except OSError as error:
            self.failure = error.strerror
            raise JournalError(f"The journal {self.path} cannot be written: {error.strerror}.") from None
        if written:
            self._torn = lines[written - 1 : written] != b"\n"
        if written != len(lines):
            self.failure = "short write"
            raise JournalError(f"The journal {self.path} cannot be written: the disk is full.")
        self.failure = None

    def close(self) -> None:
        """Closes the segment; appending afterwards is an error."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
