"""A statement is stopped when its time is over, and told of when it does not stop."""

from threading import Event
from time import sleep

from storage.sql_watch import Watch


def test_what_ends_in_time_is_left_alone() -> None:
    interrupted, stuck = Event(), Event()
    with Watch(interrupted.set, stuck.set, seconds=0.2) as watch:
        pass
    sleep(0.4)
    assert not interrupted.is_set() and not stuck.is_set() and not watch.was_late


def test_what_does_not_hear_one_interrupt_is_given_another() -> None:
    heard: list[str] = []
    twice = Event()

    def interrupt() -> None:
        heard.append("interrupt")
        if len(heard) == 2:
            twice.set()

    with Watch(interrupt, lambda: heard.append("stuck"), seconds=0.05, grace=5.0) as watch:
        assert twice.wait(5.0)
    assert heard == ["interrupt", "interrupt"]
    assert watch.was_late and not watch.was_too_much


def test_what_never_stops_is_told_once() -> None:
    told: list[str] = []
    stuck = Event()

    def tell() -> None:
        told.append("stuck")
        stuck.set()

    with Watch(lambda: None, tell, seconds=0.05, grace=0.2):
        assert stuck.wait(5.0)
        sleep(0.3)
    assert told == ["stuck"]


def test_what_grows_too_much_is_stopped_before_its_time_is_over() -> None:
    interrupted = Event()
    with Watch(interrupted.set, lambda: None, seconds=60.0, too_much=lambda: True) as watch:
        assert interrupted.wait(5.0)
    assert watch.was_too_much and not watch.was_late
