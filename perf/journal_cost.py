"""What a journal line costs: CPU from the finished bundle to the return of `write`, and fsync in groups.

python -m perf.journal_cost [--bytes 2048] [--lines 20000] [--folder FOLDER]
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from storage.journal import Durability, Journal
from storage.seal import Tree, seal_of
from storage.signing import signer_in

GROUPS = (1, 8, 64, 256)


def main() -> None:
    """Prints a table; microseconds of CPU for a line, and of time where a disk is waited for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=2048)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--folder", help="On the disk that is to be measured; without it a temporary one.")
    arguments = parser.parse_args()
    event = b'{"event":"ended","filling":"' + b"x" * (arguments.bytes - 30) + b'"}'
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        data = Path(folder)
        print(f"{arguments.bytes} B a line, {arguments.lines} lines")
        print(f"seal alone             {_cpu(lambda: seal_of(bytes(32), event), arguments.lines):8.2f} us CPU")
        tree = Tree()
        print(f"leaf of the tree alone {_cpu(lambda: tree.add(bytes(32)), arguments.lines):8.2f} us CPU")
        _flush(data, event, arguments.lines)
        asyncio.run(_gathered(data, event, arguments.lines))
        for group in GROUPS:
            asyncio.run(_groups(data, event, max(group, arguments.lines // 20), group))


def _flush(data: Path, event: bytes, lines: int) -> None:
    journal = _journal(data, "flush")
    single = []
    for _ in range(lines):
        began = time.thread_time_ns()
        journal.append_event(event)
        single.append(time.thread_time_ns() - began)
    whole = _cpu(lambda: journal.append_event(event), lines)
    journal.close()
    single.sort()
    p50, p99, most = (single[int(share * (lines - 1))] / 1000 for share in (0.5, 0.99, 1))
    print(f"flush                  {whole:8.2f} us CPU, roots and rotation included")
    print(
        f"  one append           {p50:8.2f} us CPU p50, {p99:.2f} p99, {most:.0f} at most (a root with its signature)"
    )


async def _gathered(data: Path, event: bytes, lines: int) -> None:
    journal = _journal(data, "async")
    took = _cpu(lambda: journal.append_event(event), lines)
    journal.close()
    print(f"async                  {took:8.2f} us CPU")


async def _groups(data: Path, event: bytes, lines: int, group: int) -> None:
    journal = _journal(data, "fsync")

    async def one() -> None:
        journal.append_event(event)
        await journal.durable()

    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    for _ in range(lines // group):
        await asyncio.gather(*(one() for _ in range(group)))
    count = lines // group * group
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    journal.close()
    print(f"fsync, groups of {group:<5} {cpu / count / 1000:8.2f} us CPU, {wall / count / 1000:8.2f} us of time")


def _journal(data: Path, durability: Durability) -> Journal:
    journal = Journal(data / "journal", durability, durability=durability, sign=signer_in(data))
    journal.open()
    return journal


def _cpu(call: Callable[[], object], times: int) -> float:
    began = time.thread_time_ns()
    for _ in range(times):
        call()
    return (time.thread_time_ns() - began) / times / 1000


if __name__ == "__main__":
    main()
