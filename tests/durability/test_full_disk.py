"""A disk that is full: what cannot be recorded is not carried, and what was recorded is all there afterwards."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.builders.served import Served, eventually, lukhas, served
from tests.durability.operator import Operator
from tests.durability.running import ENVIRON

MEGABYTE = 1 << 20
pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux bounds another process's files")


@contextmanager
def bounded_files(pid: int, most_bytes: int) -> Iterator[None]:
    """Lets a process write no file beyond so many bytes meanwhile."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk(folder: Path, most_bytes: int) -> Iterator[None]:
    """Gives `folder` a small disk of its own meanwhile; skips the test where nobody may mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={most_bytes}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def nothing_left(folder: Path) -> Iterator[None]:
    """Fills the disk of `folder` to its last byte meanwhile."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(bytes(4096))
        yield
    finally:
        filler.unlink()


def verified(running: Served) -> None:
    done = lukhas("audit", "verify", "--data", "data", cwd=running.folder)
    assert done.returncode == 0, done.stdout


def test_what_the_journal_cannot_take_is_refused_until_it_can(tmp_path: Path) -> None:
    with served(tmp_path, "--simulate", environ=ENVIRON) as running, Operator(running.url) as operator:
        recorded = [operator.asks() for _ in range(5)]
        (segment,) = running.data.glob("journal/worker-0/*.jsonl")
        (worker,) = running.pids("worker")
        with bounded_files(worker, segment.stat().st_size + 50):
            reply = operator.chat()
            assert (reply.status_code, reply.json()["error"]["code"]) == (503, "journal_unavailable")
            status, word, faults = operator.readiness()
            assert (status, word, list(faults)) == (503, "unready", ["journal"])
        recorded.append(operator.asks())
        assert operator.readiness() == (200, "ready", {})
        eventually(lambda: operator.ids() == sorted(recorded))
    verified(running)


def test_what_the_warehouse_cannot_take_is_taken_when_it_can(tmp_path: Path) -> None:
    with served(tmp_path, "--simulate", environ=ENVIRON) as running, Operator(running.url) as operator:
        recorded = [operator.asks() for _ in range(5)]
        eventually(lambda: operator.ids() == sorted(recorded))
        (office,) = running.pids("office")
        with bounded_files(office, 100):
            recorded += [operator.asks() for _ in range(5)]
            status, word, faults = eventually(lambda: said if (said := operator.readiness())[1] != "ready" else None)
            assert (status, word, list(faults)) == (200, "degraded", ["office"])
            assert operator.record(recorded[-1])["outcome"] == "answered"
        eventually(lambda: operator.ids() == sorted(recorded), 30)
        eventually(lambda: operator.readiness() == (200, "ready", {}))
    verified(running)


def test_a_full_disk_is_said_and_left_behind_with_nothing_lost(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "data", 24 * MEGABYTE),
        served(tmp_path, "--simulate", environ=ENVIRON) as running,
        Operator(running.url) as operator,
    ):
        recorded = [operator.asks() for _ in range(5)]
        eventually(lambda: operator.ids() == sorted(recorded))
        with nothing_left(running.data):
            # The last page of the journal may have room for some lines.
            while (reply := operator.chat()).status_code == 200:
                recorded.append(reply.headers["x-lukhas-audit-id"])
            assert (reply.status_code, reply.json()["error"]["code"]) == (503, "journal_unavailable")
            status, word, faults = operator.readiness()
            assert (status, word, faults["journal"]) == (503, "unready", "No space left on device")
        recorded.append(operator.asks())
        eventually(lambda: operator.ids() == sorted(recorded), 30)
        eventually(lambda: operator.readiness() == (200, "ready", {}))
        running.process.terminate()
        running.process.wait(20)
        verified(running)
