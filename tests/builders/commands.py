"""Runs `lukhas` in the test's own process: what a process of its own says and gives, without a second for its start."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from gateway.commands import main
from tests.builders.served import surroundings


def lukhas_here(
    *arguments: str, cwd: Path, environ: Mapping[str, str] | None = None, given: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Runs a command to its end, as `tests.builders.served.lukhas` does."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    ours = surroundings(**(environ or {}))
    with chdir(cwd), _environment(ours), _given(given), redirect_stdout(out), redirect_stderr(err):
        status = _ended_with(arguments)
    said, complained = (each.buffer.getvalue().decode() for each in (out, err))
    return subprocess.CompletedProcess(arguments, status, said, complained)


def _ended_with(arguments: tuple[str, ...]) -> int:
    try:
        main(arguments)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    return 0


@contextmanager
def _environment(ours: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(ours)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _given(text: str) -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8")
    try:
        yield
    finally:
        sys.stdin = before
