"""One segment that is being written: it takes lines whole or not at all."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from storage.segments import segment_path

LINES_BETWEEN_LOOKS = 32
"""How many appends may go by before it is noticed that the file was deleted."""


class SegmentFile:
    """A new segment; `size` is where its last whole line ends, `torn` that something stands behind that."""

    def __init__(self, folder: Path, number: int) -> None:
        """Makes the file; a number that is taken is an error. Errors: OSError."""
        self.number = number
        self.path = segment_path(folder, number)
        self.size = 0
        self._appends = 0
        self.torn = False
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self.fd = os.open(self.path, flags, 0o600)

    def append(self, lines: bytes) -> None:
        """Appends in one write; what a failed write left is cut off again. Errors: OSError."""
        if self.torn:
            self.mend()
        try:
            self._appends += 1
            if not self._appends % LINES_BETWEEN_LOOKS and os.fstat(self.fd).st_nlink == 0:
                raise OSError(errno.ENOENT, "the file was deleted while it was written")
            written = os.write(self.fd, lines)
            if written != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self.torn = True
            self._mend_if_possible()
            raise
        self.size += written

    def mend(self) -> None:
        """Cuts off what stands behind the last whole line. Errors: OSError."""
        os.ftruncate(self.fd, self.size)
        self.torn = False

    def _mend_if_possible(self) -> None:
        with suppress(OSError):
            self.mend()
