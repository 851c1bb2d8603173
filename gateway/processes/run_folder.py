"""The folder of one running gateway, which goes with it: the office's sockets and the figures of the processes."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in it is made for this user alone
LONGEST_SOCKET_PATH = 100
"""Unix allows 108 bytes, others 104."""


OFFICE = "office.sock"
OPERATOR = "operator.sock"


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
        self.metrics = self._made(_in_memory(parent, pid), self.path / "metrics")
        self.accepted = self.path / "accepted"
        self._short: Path | None = None
        self.office = self.path / OFFICE
        if len(os.fsencode(operator_of(self.office))) > LONGEST_SOCKET_PATH:
            self._short = Path(tempfile.mkdtemp(prefix="lukhas-"))
            self.office = self._short / OFFICE
            # Commands look here.
            (self.path / OPERATOR).symlink_to(operator_of(self.office))

    def _made(self, first: Path | None, second: Path) -> Path:
        """Makes the first folder, or the second where the first is not to be had."""
        if first is not None:
            try:
                first.mkdir(mode=0o700)
            except OSError:
                pass
            else:
                return first
        second.mkdir(mode=0o700)
        return second

    def close(self) -> None:
        """Takes the folder away."""
        for path in (self.path, self._short, self.metrics):
            if path is not None:
                shutil.rmtree(path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def operator_of(office: Path) -> Path:
    """Gives the operator's socket that goes with the office's."""
    return office.with_name(OPERATOR)


def office_fault_of(office: Path) -> Path:
    """Gives the file in which the office says what is wrong."""
    return office.with_name("office.fault")


def operator_sockets(data: Path) -> list[Path]:
    """Gives the operator's sockets of the gateways that serve a data folder, or did, the newest first."""
    found: list[tuple[float, Path]] = []
    for folder in (data / "run").glob("*"):
        with suppress(OSError):
            found.append(((folder / OPERATOR).lstat().st_mtime, folder / OPERATOR))
    return [path.readlink() if path.is_symlink() else path for _, path in sorted(found, reverse=True)]


def _clear(parent: Path) -> None:
    for path in filter(Path.is_dir, parent.iterdir()):
        lock = _locked(path)
        if lock is not None:
            operator = path / OPERATOR
            short = operator.readlink().parent if operator.is_symlink() else None
            for each in (path, short, _in_memory(parent, path.name)):
                if each is not None:
                    shutil.rmtree(each, ignore_errors=True)
            os.close(lock)


def _in_memory(parent: Path, pid: int | str) -> Path | None:
    """Gives a folder in memory for the figures of a run, None where the system has no place for it.

    They are mapped files: on a full disk the first touch of a page that has no room ends the process.
    """
    if not os.access(MEMORY, os.W_OK):
        return None
    return MEMORY / f"lukhas-{hashlib.sha256(os.fsencode(parent)).hexdigest()[:16]}-{pid}"


def _locked(path: Path) -> int | None:
    """Locks a folder for as long as this process lives; None where another process has it."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd
