"""Remembers which passed-through keys the upstream has accepted: the others have no rights on our own routes.

Each process of a gateway appends what it sees to one file, and reads what the others wrote. A line is the key's
principal behind `+` (answered with 2xx) or `-` (answered with 401).
"""

import os
from pathlib import Path

MOST_KEYS = 100_000


class AcceptedKeys:
    """The keys of one running gateway, by principal; the oldest are forgotten first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: dict[str, None] = {}
        self._read = 0
        self._fd: int | None = None

    def answered(self, principal: str, status: int) -> None:
        """Notes how the upstream answered a key. Never raises: what is not noted has fewer rights."""
        if 200 <= status < 300:
            if principal not in self._keys:
                self._add(principal)
                self._append(b"+", principal)
        elif status == 401 and self.knows(principal):
            del self._keys[principal]
            self._append(b"-", principal)

    def knows(self, principal: str) -> bool:
        """Whether the upstream has accepted the key, as far as any process has seen."""
        self._catch_up()
        return principal in self._keys

    def reread(self) -> None:
        """Reads the file from its beginning: somebody in it was erased."""
        self._keys.clear()
        self._read = 0
        self._catch_up()

    def close(self) -> None:
        """Lets go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _add(self, principal: str) -> None:
        if len(self._keys) >= MOST_KEYS:
            del self._keys[next(iter(self._keys))]
        self._keys[principal] = None

    def _open(self) -> int:
        if self._fd is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._fd

    def _append(self, sign: bytes, principal: str) -> None:
        try:
            os.write(self._open(), sign + principal.encode() + b"\n")
        except OSError:
            return

    def _catch_up(self) -> None:
        try:
            fd = self._open()
            while said := os.pread(fd, 1 << 16, self._read):
                whole = said.rfind(b"\n") + 1
                if whole == 0:
                    return
                self._read += whole
                self._take(said[:whole].decode().splitlines())
        except OSError:
            return

    def _take(self, lines: list[str]) -> None:
        for line in lines:
            if line.startswith("+"):
                self._add(line[1:])
            else:
                self._keys.pop(line[1:], None)


def erased_in(path: Path, principal: str) -> int:
    """Writes over a principal in a file of accepted keys; gives how often it stood there. Errors: OSError.

    The lines keep their places, for those who read on from where they were: who reads anew learns nothing of it.
    """
    lines = (b"+" + principal.encode() + b"\n", b"-" + principal.encode() + b"\n")
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        found = 0
        at = 0
        for line in os.pread(fd, os.fstat(fd).st_size, 0).splitlines(keepends=True):
            if line in lines:
                os.pwrite(fd, b"-" + b"0" * (len(line) - 2), at)
                found += 1
            at += len(line)
        if found:
            os.fsync(fd)
        return found
    finally:
        os.close(fd)
