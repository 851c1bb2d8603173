"""What is kept for a person between two requests: found by its ids, by nobody else, and only for its time."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.answers import ToolCall
from gateway.formats.found import Answered, KeptTurn
from gateway.tools.kept import GONE, NOTHING_FOUND, RUNNING, Found, Kept, KeptError, Once
from identity.keyring import Keyring
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from storage.state.when_needed import StateWhenNeeded
from tests.builders.pipelines import a_state

TURN = KeptTurn(
    (ToolCall("call_1", "find", "{}"), ToolCall("call_3", "find", "{}", index=2)),
    (Answered(ToolCall("call_2", "look", '{"q":"x"}', index=1), "It is 42."),),
)


class Kitchen:
    """A place to keep things, with a clock that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.keyring = Keyring(folder)
        self.keyring.open()
        a_state(folder)
        self.kept = self.worker()

    def worker(self) -> Kept:
        """What another worker has."""
        return Kept(StateWhenNeeded(self.folder), self.keyring, now=lambda: self.now)


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[Kitchen]:
    kitchen = Kitchen(tmp_path)
    yield kitchen
    kitchen.kept.close()
    kitchen.keyring.close()


def test_a_turn_is_found_by_the_first_of_the_clients_calls_in_any_worker(kitchen: Kitchen) -> None:
    kitchen.kept.keep_turn("key:ada", "A-1", TURN)
    other = kitchen.worker()
    assert other.found("key:ada", ["call_0", "call_1", "call_3"], None) == Found((TURN,))
    other.close()


def test_nobody_else_finds_it(kitchen: Kitchen) -> None:
    kitchen.kept.keep_turn("key:ada", "A-1", TURN)
    kitchen.keyring.person("key:eve")
    for stranger in ("key:eve", "key:nobody"):
        assert kitchen.kept.found(stranger, ["call_1", "call_2", "call_3"], "call_1") == NOTHING_FOUND


def test_after_an_hour_the_result_is_gone_and_that_is_said(kitchen: Kitchen) -> None:
    kitchen.kept.keep_turn("key:ada", "A-1", TURN)
    kitchen.now += timedelta(hours=1, seconds=1)
    found = kitchen.kept.found("key:ada", ["call_1"], None)
    assert (found.gone, [each.output for each in found.turns[0].ours]) == (True, [GONE])
    kitchen.now += timedelta(days=1)
    assert kitchen.kept.found("key:ada", ["call_1"], None) == NOTHING_FOUND


def test_no_text_of_it_stands_in_the_file(kitchen: Kitchen) -> None:
    kitchen.kept.keep_turn("key:ada", "A-1", TURN)
    kitchen.kept.close()
    assert not any(b"It is 42." in file.read_bytes() for file in kitchen.folder.glob("state.db*"))


def test_a_row_that_was_moved_to_another_call_does_not_open(kitchen: Kitchen) -> None:
    kitchen.kept.keep_turn("key:ada", "A-1", TURN)
    state = State(kitchen.folder)
    state.open(brought_up_to_date)
    with state.database.writing() as connection:
        connection.exec_driver_sql("UPDATE kept_results SET call_id = 'turn call_9' WHERE call_id = 'turn call_1'")
    state.close()
    with pytest.raises(KeptError):
        kitchen.kept.found("key:ada", ["call_9"], None)


def test_a_response_is_continued_by_the_id_that_the_upstream_knows(kitchen: Kitchen) -> None:
    kitchen.kept.keep_response("key:ada", "A-1", "resp_told", "resp_last")
    assert kitchen.kept.found("key:ada", [], "resp_told").response == "resp_last"
    assert kitchen.kept.found("key:ada", [], "resp_other").response is None


def test_a_call_is_claimed_once_and_then_gives_what_it_gave(kitchen: Kitchen) -> None:
    assert kitchen.kept.claim("key:ada", "A-1", "k") is None
    assert kitchen.kept.claim("key:ada", "A-2", "k") == Once(RUNNING, "timeout")
    kitchen.kept.settle("key:ada", "A-1", "k", Once("done"))
    assert kitchen.worker().claim("key:ada", "A-3", "k") == Once("done", "ok")
    assert kitchen.kept.claim("key:eve", "A-4", "k") is None
    kitchen.now += timedelta(hours=2)
    assert kitchen.kept.claim("key:ada", "A-5", "k") is None


def test_a_call_that_was_let_go_of_may_be_claimed_anew(kitchen: Kitchen) -> None:
    for person in ("key:ada", "key:eve"):
        assert kitchen.kept.claim(person, "A-1", "k") is None
    kitchen.kept.release("key:ada", "k")
    assert kitchen.kept.claim("key:eve", "A-2", "k") is not None
    assert kitchen.kept.claim("key:ada", "A-3", "k") is None


def test_a_state_without_tables_is_an_error_in_words_until_the_office_has_made_them(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    keyring.open()
    kept = Kept(StateWhenNeeded(tmp_path), keyring)
    with pytest.raises(KeptError):
        kept.keep_turn("key:ada", "A-1", TURN)
    a_state(tmp_path)
    kept.keep_turn("key:ada", "A-1", TURN)
    kept.close()
    keyring.close()


async def test_a_state_that_hangs_keeps_neither_exchanges_nor_anybody_elses_threads(kitchen: Kitchen) -> None:
    answer = threading.Event()
    waits = [kitchen.kept.in_time(answer.wait, 30) for _ in range(40)]
    began = time.monotonic()
    try:
        given_up = await asyncio.gather(*waits, return_exceptions=True)
        assert {type(each) for each in given_up} == {KeptError}
        async with asyncio.timeout(5):
            await asyncio.to_thread(time.monotonic)
        with pytest.raises(KeptError, match="lately"):
            await kitchen.kept.in_time(answer.wait, 30)
        assert time.monotonic() - began < 20
    finally:
        answer.set()


async def test_what_answers_is_asked_in_a_thread(kitchen: Kitchen) -> None:
    assert await kitchen.kept.in_time(kitchen.kept.found, "key:ada", ["call_1"], None) == NOTHING_FOUND
    assert await kitchen.kept.in_time(threading.get_ident) != threading.get_ident()
