"""What a child says of itself, and a supervisor that does not listen."""

import asyncio
import os

from gateway.processes.reports import Reports


async def test_a_child_is_ready_and_then_its_loop_beats() -> None:
    reading, writing = os.pipe()
    Reports(writing).ready()
    assert os.read(reading, 100) == b"ready\nbeat\n"
    await asyncio.sleep(1.2)
    assert os.read(reading, 100) == b"beat\n"
    os.close(reading)


def test_a_fault_is_one_line() -> None:
    reading, writing = os.pipe()
    Reports(writing).fault("it is\nbroken")
    assert os.read(reading, 100) == b"fault it is broken\n"
    os.close(reading)
    os.close(writing)


def test_a_supervisor_that_is_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    Reports(writing).fault("nobody hears this")
    os.close(writing)
