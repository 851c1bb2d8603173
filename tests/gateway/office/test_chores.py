"""Chores are done again and again, each by itself, and one that fails is told and tried again."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from gateway.office.chores import Chore, Chores
from storage.warehouse_file import WarehouseError


class Told:
    """What the chores said, and an event for when there is something new."""

    def __init__(self) -> None:
        self.faults: list[str | None] = []
        self._changed = threading.Condition()

    def __call__(self, fault: str | None) -> None:
        with self._changed:
            self.faults.append(fault)
            self._changed.notify_all()

    def until(self, reached: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(reached, 5)


def run_until(reached: threading.Event, *chores: Chore, told: Told | None = None) -> Told:
    told = told or Told()
    running = Chores(chores, told)
    running.start()
    assert reached.wait(5)
    assert running.stop()
    return told


def test_a_chore_is_run_at_once_again_while_there_is_more_and_then_after_its_pause() -> None:
    times: list[float] = []
    enough = threading.Event()

    def run() -> bool:
        times.append(time.monotonic())
        if len(times) == 4:
            enough.set()
        return len(times) < 3

    run_until(enough, Chore("it", 0.2, run))
    assert times[2] - times[0] < 0.15
    assert times[3] - times[2] >= 0.2


def test_one_that_fails_is_told_once_tried_again_and_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    failures: list[int] = []
    other = threading.Event()

    def fails_three_times() -> bool:
        failures.append(1)
        if len(failures) <= 3:
            raise WarehouseError("The disk is full.")
        return False

    def works() -> bool:
        other.set()
        return False

    running = Chores([Chore("broken", 0.01, fails_three_times), Chore("other", 0.01, works)], told)
    running.start()
    assert other.wait(5)
    told.until(lambda: len(told.faults) == 2)
    assert running.stop()
    assert told.faults == ["The disk is full.", None]
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, "broken: The disk is full."),
        (logging.WARNING, "broken: it works again."),
    ]


def test_one_whose_fault_cannot_be_told_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    works_again = threading.Event()
    runs: list[int] = []

    def run() -> bool:
        runs.append(1)
        if len(runs) == 1:
            raise OSError(28, "No space left on device")
        works_again.set()
        return False

    def nowhere(fault: str | None) -> None:
        raise OSError(28, "No space left on device")

    running = Chores((Chore("it", 0.01, run),), nowhere)
    running.start()
    assert works_again.wait(5)
    assert running.stop()
    assert "cannot be told" in caplog.text


def test_what_is_wrong_with_several_is_told_together() -> None:
    told = Told()

    def fails(what: str) -> Callable[[], bool]:
        def run() -> bool:
            raise OSError(what)

        return run

    running = Chores([Chore("b", 0.01, fails("No disk.")), Chore("a", 0.01, fails("No file."))], told)
    running.start()
    told.until(lambda: "No file. No disk." in told.faults)
    assert running.stop()


def test_a_mistake_of_our_own_is_logged_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()

    def mistaken() -> bool:
        raise KeyError("nosuch")

    running = Chores([Chore("it", 0.01, mistaken)], told)
    running.start()
    told.until(lambda: bool(told.faults))
    assert running.stop()
    assert "in mistaken" in caplog.text


def test_stopping_lets_the_part_end_that_is_being_done() -> None:
    begun, ended = threading.Event(), threading.Event()

    def slow() -> bool:
        begun.set()
        time.sleep(0.2)
        ended.set()
        return True

    run_until(begun, Chore("slow", 9.0, slow))
    assert ended.is_set()


def test_stopping_what_was_never_started_is_no_error() -> None:
    assert Chores([Chore("it", 1.0, lambda: False)], Told()).stop()
