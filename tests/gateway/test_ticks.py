"""A worker's looks go on, whatever one of them runs into."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.ticks import Ticks


class Look:
    """Counts how often it was made, and fails as long as there is a fault."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.made = 0
        self.again = asyncio.Event()

    def __call__(self) -> None:
        self.made += 1
        self.again.set()
        if self.fault is not None:
            raise self.fault


@pytest.fixture
async def ticks() -> AsyncIterator[Callable[[dict[str, Look]], Ticks]]:
    begun: list[Ticks] = []

    def start(looks: dict[str, Look]) -> Ticks:
        begun.append(Ticks(looks, 0.001))
        begun[-1].start()
        return begun[-1]

    yield start
    for each in begun:
        each.stop()


async def made_again(look: Look) -> None:
    """Waits until a look has been made twice more."""
    for _ in range(2):
        look.again.clear()
        await asyncio.wait_for(look.again.wait(), 5)


async def test_a_look_that_fails_is_made_again_and_stops_no_other(
    ticks: Callable[[dict[str, Look]], Ticks], caplog: pytest.LogCaptureFixture
) -> None:
    broken, well = Look(OSError(36, "File name too long")), Look()
    found = ticks({"policies": broken, "flags": well})
    await made_again(well)
    await made_again(broken)
    assert found.failure == "Looking after policies failed: OSError: [Errno 36] File name too long."
    assert caplog.text.count("Looking after policies failed") == 1
    broken.fault = None
    await made_again(broken)
    assert found.failure is None


async def test_nothing_is_looked_at_after_the_end(ticks: Callable[[dict[str, Look]], Ticks]) -> None:
    look = Look()
    found = ticks({"flags": look})
    await made_again(look)
    found.stop()
    made = look.made
    await asyncio.sleep(0.02)
    assert look.made == made
