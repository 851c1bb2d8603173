"""Starts cells, gives each one piece of code, and ends it: after its answer, its time, or too much output.

A cell is used once, so that nothing of one caller meets another; one waits, so that nobody waits for its start.
"""

import os
import selectors
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Literal, TypeAlias

import msgspec

ADDRESS_BYTES = 1 << 30
MOST_OUTPUT = 64 << 10
_PIECE = 1 << 16
_COMMAND = (sys.executable, "-I", "-m", "plugins.code_exec.cell")
_NOT_RUN = 2
_LOOK_SECONDS = 0.002

End: TypeAlias = Literal["ok", "error", "timeout", "too_much", "broken"]


class Bounds(msgspec.Struct, frozen=True):
    """What one piece of code may take."""

    seconds: float = 5.0
    memory_bytes: int = 64 << 20
    output_bytes: int = MOST_OUTPUT


class Ran(msgspec.Struct, frozen=True):
    """How a piece of code ended: what it printed, and what the interpreter said of it."""

    end: End
    output: str
    said: str


class Cells:
    """Runs code, and waits for it; may be asked from any thread."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._lock = threading.Lock()
        self._waiting: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def run(self, language: str, source: str) -> Ran:
        """Runs Python or JavaScript in a cell. Errors: OSError."""
        asked = {
            "language": language,
            "source": source,
            "monty": monty(),
            "seconds": self._bounds.seconds,
            "memory_bytes": self._bounds.memory_bytes,
            "address_bytes": ADDRESS_BYTES,
        }
        return self._ended(_COMMAND, msgspec.json.encode(asked), from_waiting=True)

    def run_outside(self, command: Sequence[str], source: str) -> Ran:
        """Gives code to a sandbox of the operator's, which reads it from its input. Errors: OSError."""
        return self._ended(command, source.encode("utf-8", "replace"), from_waiting=False)

    def close(self) -> None:
        """Ends the cell that waits; those that run end in their time."""
        with self._lock:
            self._is_closed = True
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            _end(waiting)

    def _ended(self, command: Sequence[str], sent: bytes, *, from_waiting: bool) -> Ran:
        process = (self._taken() if from_waiting else None) or _started(command)
        try:
            ran = _watched(process, sent, self._bounds)
        finally:
            _end(process)
        if from_waiting:
            self._renew()
        return ran

    def _taken(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is not None and _exit_of(waiting) is not None:
            _end(waiting)
            return None
        return waiting

    def _renew(self) -> None:
        """Starts the cell of the next one."""
        with self._lock:
            if self._waiting is None and not self._is_closed:
                self._waiting = _started(_COMMAND)


def monty() -> str:
    """Gives where the interpreter for Python is, which its package puts beside Python itself."""
    return str(Path(sysconfig.get_path("scripts")) / "monty")


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the operator's settings name it, or it is our own
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        start_new_session=True,
    )


def _watched(process: subprocess.Popen[bytes], sent: bytes, bounds: Bounds) -> Ran:
    """Gives the code to a process, and takes what it says until it ends or has to."""
    until = monotonic() + bounds.seconds
    taken: dict[Any, bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    end: End | None = None
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdin, *taken):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_WRITE if stream is process.stdin else selectors.EVENT_READ)
        while selector.get_map() and end is None:
            ready = selector.select(max(0.0, until - monotonic()))
            if not ready:
                end = "timeout"
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    sent = _written(process, sent)
                    if not sent:
                        selector.unregister(key.fileobj)
                elif not (piece := os.read(key.fd, _PIECE)):
                    selector.unregister(key.fileobj)
                else:
                    taken[key.fileobj] += piece
                    if len(taken[key.fileobj]) > bounds.output_bytes:
                        end = "too_much"
    if end is None:
        end = _end_of(process, until)
    output, said = (bytes(each[: bounds.output_bytes]).decode("utf-8", "replace") for each in taken.values())
    return Ran(end, output, said)


def _written(process: subprocess.Popen[bytes], sent: bytes) -> bytes:
    """Writes what goes in at once; gives the rest, and closes the input behind the last of it."""
    if process.stdin is None:
        return b""
    try:
        rest = sent[os.write(process.stdin.fileno(), sent[:_PIECE]) :]
    except BrokenPipeError:
        rest = b""
    if not rest:
        process.stdin.close()
    return rest


def _end_of(process: subprocess.Popen[bytes], until: float) -> End:
    while (code := _exit_of(process)) is None:
        if monotonic() >= until:
            return "timeout"
        sleep(_LOOK_SECONDS)
    if code == _NOT_RUN:
        return "broken"
    return "ok" if code == 0 else "error"


def _exit_of(process: subprocess.Popen[bytes]) -> int | None:
    """Gives the exit code of a process that ended, below 0 for a signal.

    It stays known to the system, so that its number, by which `_end` ends all that it started, is nobody else's.
    """
    ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and all that it started, and lets go of it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    process.wait()
