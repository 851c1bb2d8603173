import asyncio

import pytest

from gateway.tools.attempts import MOST_NAMES, Breaker, CircuitOpen, attempted


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Work:
    """Fails so often before it goes well."""

    def __init__(self, failures: int, error: type[Exception] = ConnectionError) -> None:
        self.failures = failures
        self.error = error
        self.runs = 0

    async def __call__(self) -> str:
        self.runs += 1
        if self.runs <= self.failures:
            raise self.error("no")
        return "done"


async def asked(work: Work, breaker: Breaker, slept: list[float] | None = None) -> str:
    async def sleep(seconds: float) -> None:
        if slept is not None:
            slept.append(seconds)

    return await attempted(
        work, lambda error: isinstance(error, ConnectionError), breaker, "it", pauses=(0.2, 0.8), sleep=sleep
    )


def test_what_fails_in_passing_is_tried_again_after_growing_pauses() -> None:
    work, slept = Work(2), list[float]()
    assert asyncio.run(asked(work, Breaker(), slept)) == "done"
    assert (work.runs, slept) == (3, [0.2, 0.8])


def test_what_fails_for_good_is_tried_once() -> None:
    work = Work(1, ValueError)
    with pytest.raises(ValueError, match="no"):
        asyncio.run(asked(work, Breaker()))
    assert work.runs == 1


def test_after_some_failures_nothing_is_tried_until_a_pause_has_passed_and_then_once() -> None:
    clock = Clock()
    breaker = Breaker(failures=2, seconds=30, now=clock)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            asyncio.run(asked(Work(9), breaker))
    work = Work(0)
    with pytest.raises(CircuitOpen, match="it failed several times"):
        asyncio.run(asked(work, breaker))
    assert work.runs == 0
    clock.seconds += 31
    assert breaker.admits("it")
    assert not breaker.admits("it")
    clock.seconds += 31
    assert asyncio.run(asked(work, breaker)) == "done"
    assert breaker.admits("it")
    assert breaker.admits("it")


def test_one_name_says_nothing_of_another() -> None:
    breaker = Breaker(failures=1)
    breaker.failed("one")
    assert not breaker.admits("one")
    assert breaker.admits("other")


def test_names_that_strangers_choose_do_not_fill_the_memory() -> None:
    breaker = Breaker(failures=1)
    for number in range(MOST_NAMES + 10):
        breaker.failed(f"host {number}")
    assert breaker.admits("host 0")
    assert not breaker.admits(f"host {MOST_NAMES + 9}")
