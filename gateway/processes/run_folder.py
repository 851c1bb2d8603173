"""The folder of one running gateway, which goes with it: the office's socket and the figures of the processes."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

LONGEST_SOCKET_PATH = 100
"""Unix allows 108 bytes, others 104."""


class RunFolder:
    """`run/PID` in the data folder, held by a lock; folders whose process is gone are cleared away."""

    def __init__(self, data: Path, pid: int) -> None:
        """Makes the folder. Errors: OSError."""
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        parent = (data / "run").absolute()
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Two that start at once take turns, so that neither clears what the other has just made.
        turn = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(turn, fcntl.LOCK_EX)
            _clear(parent)
            self.path = parent / str(pid)
            self.path.mkdir(mode=0o700)
            self._lock = _locked(self.path)
        finally:
            os.close(turn)
        self.metrics = self.path / "metrics"
        self.metrics.mkdir(mode=0o700)
        self.accepted = self.path / "accepted"
        self._short: Path | None = None
        self.office = self.path / "office.sock"
        if len(os.fsencode(self.office)) > LONGEST_SOCKET_PATH:
            self._short = Path(tempfile.mkdtemp(prefix="lukhas-"))
            self.office = self._short / "office.sock"

    def close(self) -> None:
        """Takes the folder away."""
        for path in (self.path, self._short):
            if path is not None:
                shutil.rmtree(path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def _clear(parent: Path) -> None:
    for path in filter(Path.is_dir, parent.iterdir()):
        lock = _locked(path)
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _locked(path: Path) -> int | None:
    """Locks a folder for as long as this process lives; None where another process has it."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd
