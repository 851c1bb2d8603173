"""What a process tree uses: CPU seconds of workers and office apart, memory, and what others took meanwhile.

Linux only. The clock of a process (`clock_getcpuclockid(3)`) counts its living and its dead threads in nanoseconds.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Role = Literal["worker", "office", "supervisor"]

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a server and the part that it plays there."""

    pid: int
    role: Role


def tree(root: int | None) -> tuple[Process, ...]:
    """The process `root` and all below it; who says neither `worker` nor `office` in its arguments is as its parent."""
    if root is None:
        return ()
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found: list[Process] = []
    unvisited: list[Process] = [Process(root, _role(root, "supervisor"))]
    while unvisited:
        process = unvisited.pop()
        found.append(process)
        unvisited.extend(Process(pid, _role(pid, process.role)) for pid in children.get(process.pid, ()))
    return tuple(found)


def cpu_seconds(processes: Iterable[Process]) -> dict[int, float]:
    """CPU seconds of each process since it began; who is gone is left out."""
    spent: dict[int, float] = {}
    for process in processes:
        try:
            spent[process.pid] = time.clock_gettime(_cpu_clock(process.pid))
        except OSError:
            continue
    return spent


def memory_mb(processes: Iterable[Process]) -> float:
    """Proportional set size of all of them in MB: shared pages are counted once."""
    return sum(_kb(process.pid, "Pss:") for process in processes) / 1024


def own_memory_mb(processes: Iterable[Process]) -> float:
    """What nobody else has of their memory, in MB: who else runs the same libraries does not move it."""
    return sum(_kb(process.pid, "Private_Clean:", "Private_Dirty:") for process in processes) / 1024


def busy_seconds() -> float:
    """CPU seconds that the whole machine has spent on work since it began."""
    first = Path("/proc/stat").read_text().split("\n", 1)[0]
    user, nice, system, _idle, _iowait, irq, softirq = (int(field) for field in first.split()[1:8])
    return (user + nice + system + irq + softirq) / _TICKS


def _parents() -> Iterable[tuple[int, int]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        yield int(stat.parent.name), int(after_name[1])


def _role(pid: int, inherited: Role) -> Role:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").split()
    except OSError:
        return inherited
    if b"worker" in arguments:
        return "worker"
    if b"office" in arguments:
        return "office"
    return inherited


def _cpu_clock(pid: int) -> int:
    return (~pid << 3) | 2


def _kb(pid: int, *names: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(names))
