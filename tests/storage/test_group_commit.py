"""One fsync serves all that wait for it, and one that fails is told to all of them."""

import asyncio
import os
from pathlib import Path

from storage.group_commit import GroupCommit


class Disk:
    """A file that is synced, or a pipe, which cannot be; counts how often it was asked for."""

    def __init__(self, folder: Path, *, broken: bool = False) -> None:
        self.asked = 0
        self.failures: list[str] = []
        self._folder = folder
        self._broken = broken

    def handles(self) -> list[int]:
        self.asked += 1
        if self._broken:
            reading, writing = os.pipe()
            os.close(writing)
            return [reading]
        return [os.open(self._folder, os.O_RDONLY)]

    def no_handles(self) -> list[int]:
        raise OSError(24, "Too many open files")


async def test_those_who_come_together_wait_for_one_fsync(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    commit = GroupCommit(disk.handles, disk.failures.append)
    reasons = await asyncio.gather(*(commit.durable() for _ in range(64)))
    commit.close()
    assert (set(reasons), disk.asked, disk.failures) == ({None}, 1, [])


async def test_whoever_comes_while_one_runs_waits_for_the_next(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    commit = GroupCommit(disk.handles, disk.failures.append)
    first = asyncio.ensure_future(commit.durable())
    for _ in range(2):
        await asyncio.sleep(0)
    assert disk.asked == 1
    assert await asyncio.gather(*(commit.durable() for _ in range(10)), first) == [None] * 11
    assert disk.asked == 2
    assert await commit.durable() is None
    assert disk.asked == 3
    commit.close()


async def test_a_failure_is_told_to_all_that_wait(tmp_path: Path) -> None:
    disk = Disk(tmp_path, broken=True)
    commit = GroupCommit(disk.handles, disk.failures.append)
    assert await asyncio.gather(*(commit.durable() for _ in range(3))) == ["Invalid argument"] * 3
    assert disk.failures == ["Invalid argument"]
    commit.close()


async def test_a_process_without_descriptors_fails_and_does_not_hang(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    commit = GroupCommit(disk.no_handles, disk.failures.append)
    async with asyncio.timeout(10):
        assert await commit.durable() == "Too many open files"
    commit.close()


async def test_one_who_gives_up_takes_nobody_else_along(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    commit = GroupCommit(disk.handles, disk.failures.append)
    impatient, patient = asyncio.ensure_future(commit.durable()), asyncio.ensure_future(commit.durable())
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient is None
    commit.close()
