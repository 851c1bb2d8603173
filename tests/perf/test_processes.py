"""CPU is read from every process and thread of a server, and workers are told from the office."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perf.processes import Process, cpu_seconds, memory_mb, tree

# Burns CPU in a thread that ends, says what the process has used, and waits.
BURN = """
import sys, threading, time
def burn():
    while time.thread_time() < 0.1: pass
thread = threading.Thread(target=burn); thread.start(); thread.join()
print(time.process_time(), flush=True)
sys.stdin.read()
"""
# Starts a worker and an office below it, and below the office a process that says nothing of itself.
FAMILY = """
import subprocess, sys
names = {"serve": ["worker", "office"], "office": ["query"]}.get(sys.argv[1], [])
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
below = [subprocess.Popen([sys.executable, sys.argv[0], name], **pipes) for name in names]
for each in below: each.stdout.readline()
print("up", flush=True)
sys.stdin.read()
for each in below: each.communicate()
"""


def started(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.fixture
def burner() -> Iterator[subprocess.Popen[bytes]]:
    process = started("-c", BURN)
    yield process
    process.communicate()


def test_cpu_of_threads_that_have_ended_is_counted(burner: subprocess.Popen[bytes]) -> None:
    assert burner.stdout
    said = float(burner.stdout.readline())
    read = cpu_seconds(tree(burner.pid))[burner.pid]
    assert said >= 0.1
    assert said <= read < said + 0.1


def test_who_is_gone_is_left_out(burner: subprocess.Popen[bytes]) -> None:
    burner.communicate()
    assert cpu_seconds([Process(burner.pid, "worker")]) == {}


def test_workers_and_office_are_told_apart(tmp_path: Path) -> None:
    program = tmp_path / "family.py"
    program.write_text(FAMILY)
    process = started(str(program), "serve")
    assert process.stdout
    process.stdout.readline()
    found = tree(process.pid)
    process.communicate()
    assert sorted(each.role for each in found) == ["office", "office", "supervisor", "worker"]
    assert found[0] == Process(process.pid, "supervisor")


def test_memory_is_read(burner: subprocess.Popen[bytes]) -> None:
    assert burner.stdout
    burner.stdout.readline()
    assert 1 < memory_mb(tree(burner.pid)) < 100


def test_nobody_has_no_processes() -> None:
    assert tree(None) == ()
