"""Turns: each asker has two, callers leave some to those who see all, and nobody waits for long or in a crowd."""

from contextlib import ExitStack
from threading import Event, Thread
from time import monotonic

import pytest

from storage.sql_turns import AT_ONCE, EACH, KEPT_FREE, MOST_WAITING, WAITING_EACH, SqlBusy, Turns

SHORT = 0.05


def test_an_asker_has_two_turns_and_others_have_theirs_meanwhile() -> None:
    turns = Turns(SHORT)
    with ExitStack() as taken:
        for _ in range(EACH):
            taken.enter_context(turns.turn("key:ada", sees_all=False, seconds=30))
        with pytest.raises(SqlBusy, match="2 statements of yours"), turns.turn("key:ada", sees_all=False, seconds=30):
            pass
        with turns.turn("key:bob", sees_all=False, seconds=30):
            pass
    with turns.turn("key:ada", sees_all=False, seconds=30):
        pass


def test_callers_together_leave_turns_to_those_who_see_all() -> None:
    turns = Turns(SHORT)
    with ExitStack() as taken:
        for number in range(AT_ONCE - KEPT_FREE):
            taken.enter_context(turns.turn(f"key:{number}", sees_all=False, seconds=30))
        with pytest.raises(SqlBusy, match="3 statements are"), turns.turn("key:ada", sees_all=False, seconds=30):
            pass
        for _ in range(EACH):
            taken.enter_context(turns.turn("admin", sees_all=True, seconds=30))
        with turns.turn("operator", sees_all=True, seconds=30):
            pass


def test_a_caller_who_is_called_like_an_admin_takes_nothing_from_them() -> None:
    turns = Turns(SHORT)
    with ExitStack() as taken:
        for _ in range(EACH):
            taken.enter_context(turns.turn("admin", sees_all=False, seconds=30))
        with turns.turn("admin", sees_all=True, seconds=30):
            pass


def waiting(turns: Turns, asker: str, given: Event) -> Thread:
    def wait() -> None:
        try:
            with turns.turn(asker, sees_all=False, seconds=30):
                given.set()
        except SqlBusy:
            pass

    thread = Thread(target=wait)
    thread.start()
    return thread


def test_who_waits_has_the_turn_that_becomes_free() -> None:
    turns, given = Turns(10), Event()
    with turns.turn("key:ada", sees_all=False, seconds=30), turns.turn("key:ada", sees_all=False, seconds=30):
        thread = waiting(turns, "key:ada", given)
        assert not given.wait(SHORT)
    thread.join()
    assert given.is_set()


@pytest.mark.parametrize(("askers", "each"), [(1, WAITING_EACH), (MOST_WAITING // WAITING_EACH, WAITING_EACH)])
def test_where_enough_wait_the_next_one_is_told_at_once(askers: int, each: int) -> None:
    turns, given = Turns(1.0), Event()
    with ExitStack() as taken:
        for number in range(AT_ONCE - KEPT_FREE):
            taken.enter_context(turns.turn(f"key:slow-{number}", sees_all=False, seconds=30))
        threads = [waiting(turns, f"key:{asker}", given) for asker in range(askers) for _ in range(each)]
        while turns.waiting < len(threads):
            Event().wait(0.005)
        began = monotonic()
        late = "key:0" if askers == 1 else "key:late"
        with pytest.raises(SqlBusy), turns.turn(late, sees_all=False, seconds=30):
            pass
        assert monotonic() - began < 0.5
        for thread in threads:
            thread.join()
    assert not given.is_set()
