"""Runs `lukhas serve` as an operator does: as processes of its own, on a free port."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from perf.processes import Role, tree
from storage.segments import SegmentReader, segments

LUKHAS = str(Path(sys.executable).with_name("lukhas"))
START_SECONDS = 60
STOP_SECONDS = 20
KEY = {"authorization": "Bearer sk-simulated-caller"}
_READY = re.compile(r"base_url = (http://\S+)/v1")
Value = TypeVar("Value")


class Served:
    """A running gateway: `url` is without /v1, `folder` holds its data and what it said."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.data = folder / "data"
        self.url = ""

    @property
    def said(self) -> str:
        """What it has written to standard output so far."""
        return (self.folder / "out.txt").read_text()

    @property
    def complaints(self) -> str:
        """What it has written to standard error so far."""
        return (self.folder / "err.txt").read_text()

    def pids(self, role: Role) -> list[int]:
        """The processes of a role, without what they started themselves."""
        ours = self.process.pid
        return [each.pid for each in tree(ours) if each.role == role and each.pid != ours and _parent(each.pid) == ours]

    def ended(self) -> list[dict[str, Any]]:
        """The `ended` lines of all journal segments, packed ones included."""
        lines = [line.text for segment in segments(self.data / "journal") for line in SegmentReader(segment)]
        return [each for line in lines if (each := msgspec.json.decode(line))["event"] == "ended"]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def eventually(look: Callable[[], Value | None], seconds: float = 10.0) -> Value:
    """Looks until there is something to see, and gives it."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
    return seen


def surroundings(**more: str) -> dict[str, str]:
    """An environment in which nothing is set for the gateway but `more`."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("LUKHAS_", "OPENAI_", "FLAG_"))}
    return ours | more


@contextmanager
def served(
    folder: Path,
    *arguments: str,
    settings: str = "",
    environ: Mapping[str, str] | None = None,
    through: Sequence[str] = (),
) -> Iterator[Served]:
    """Runs the gateway in `folder` with `settings` as its lukhas.yaml; it has ended when the `with` has.

    `through` is a command that becomes the one behind it, as `nice` does.
    """
    (folder / "lukhas.yaml").write_text(settings or "plugins: {log: {to: nowhere}}\n")
    command = [*through, LUKHAS, "serve", "--port", "0", "--data", "data", *arguments]
    with (folder / "out.txt").open("wb") as out, (folder / "err.txt").open("wb") as err:
        process = subprocess.Popen(command, cwd=folder, env=surroundings(**(environ or {})), stdout=out, stderr=err)
    running = Served(process, folder)
    try:
        eventually(lambda: _READY.search(running.said) or process.poll() is not None, START_SECONDS)
        found = _READY.search(running.said)
        assert found is not None, running.complaints
        running.url = found[1]
        yield running
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        finally:
            process.kill()


def lukhas(
    *arguments: str, cwd: Path, environ: Mapping[str, str] | None = None, given: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Runs a command to its end."""
    return subprocess.run(
        [LUKHAS, *arguments],
        cwd=cwd,
        env=surroundings(**(environ or {})),
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
