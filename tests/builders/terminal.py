"""Runs a program at a terminal, types at it, and waits for what it shows."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic, sleep

CONTROL_C = "\x03"
CONTROL_D = "\x04"
UP = "\x1b[A"
TAB = "\t"
# The first terminal that the leader of a session opens is the one whose Ctrl-C reaches it.
_TAKES_THE_TERMINAL = (
    "import os, sys; os.close(os.open(os.ttyname(0), os.O_RDWR)); os.execvp(sys.argv[1], sys.argv[1:])"
)
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[=>()].?)|\r")


class Terminal:
    """The program's terminal, as the person at it sees it."""

    def __init__(self, program: subprocess.Popen[bytes], fd: int) -> None:
        self.program = program
        self._fd = fd
        self._shown = ""

    def type(self, text: str) -> None:
        """Types; a line ends with a newline."""
        os.write(self._fd, text.encode())

    def press(self, key: str) -> None:
        """Presses Ctrl and a key; a program that has just shown its prompt may not listen at once."""
        sleep(0.2)
        self.type(key)

    def until(self, text: str, seconds: float = 20.0) -> str:
        """Waits until the text is shown; gives what was shown up to it since the last time."""
        until = monotonic() + seconds
        while text not in self._shown:
            if not self._read(until):
                raise AssertionError(f"{text!r} is not shown, but {self._shown!r}")
        before, _, self._shown = self._shown.partition(text)
        return before

    def ended(self, seconds: float = 20.0) -> int:
        """Waits for the end of the program; gives its exit code."""
        until = monotonic() + seconds
        while self._read(until):
            pass
        return self.program.wait(max(0.0, until - monotonic()))

    def _read(self, until: float) -> bool:
        """Says whether something more was shown before a moment."""
        ready, _, _ = select.select([self._fd], [], [], max(0.0, until - monotonic()))
        try:
            data = os.read(self._fd, 65536) if ready else b""
        except OSError:
            return False
        self._shown += _ESCAPES.sub("", data.decode("utf-8", "replace"))
        return bool(data)


@contextmanager
def at_a_terminal(arguments: Sequence[str], environ: Mapping[str, str]) -> Iterator[Terminal]:
    """Runs a program at a terminal of 200 columns; it is killed at the end of the `with` if it still runs."""
    ours, its = pty.openpty()
    columns = {"TERM": "xterm", "COLUMNS": "200", "LINES": "50"}
    program = subprocess.Popen(
        [sys.executable, "-c", _TAKES_THE_TERMINAL, *arguments],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**os.environ, **columns, **environ},
        start_new_session=True,
    )
    os.close(its)
    try:
        yield Terminal(program, ours)
    finally:
        if program.poll() is None:
            program.send_signal(signal.SIGKILL)
            program.wait()
        os.close(ours)
