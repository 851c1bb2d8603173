"""What the office tells the workers: all that concerns them, and only when it changes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.office.pushing import MOST_MEANS, Pushing
from gateway.pushed import Told, Withheld
from storage.state.feedback_tables import ALL
from storage.state.records import FeedbackTable, FlagOverride, Symbols, Tightening
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from storage.state.tables import FEEDBACK_TABLES

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(tmp_path)
    state.open(brought_up_to_date)
    yield state
    state.close()


def told(path: Path) -> Told:
    return msgspec.json.decode(path.read_bytes(), type=Told)


def test_everything_that_concerns_workers_is_told(state: State, tmp_path: Path) -> None:
    state.flag_overrides.put(FlagOverride("STRICT_DEFAULT", "on", NOW, "admin"))
    for owner, mean in ((ALL, 0.25), ("p-ada", -0.5), ("p-bob", 0.0)):
        state.feedback_tables.put(owner, mean, NOW)
    state.locks.put("p-ada", NOW, "x")
    state.tightenings.add(Tightening("t-1", None, "browser", "A-1", "a blocked call", NOW, NOW + HOUR))
    state.tightenings.add(Tightening("t-2", None, "*", "A-1", "x", NOW - HOUR, NOW))
    state.symbols.put(Symbols("p-ada", b"sealed", True, NOW))
    assert Pushing(state, tmp_path / "pushed.json", now=lambda: NOW).push()
    assert told(tmp_path / "pushed.json") == Told(
        {"STRICT_DEFAULT": "on"},
        0.25,
        {"p-ada": -0.5},
        ("p-ada",),
        (Withheld("t-1", None, "browser", NOW + HOUR, "a blocked call"),),
        symbols={"p-ada": 1_795_176_000_000_000},
    )


def test_of_symbols_only_who_has_them_is_told(state: State, tmp_path: Path) -> None:
    pushing = Pushing(state, tmp_path / "pushed.json")
    state.symbols.put(Symbols("p-ada", b"sealed", True, NOW))
    assert pushing.push()
    assert b"sealed" not in (tmp_path / "pushed.json").read_bytes()
    state.symbols.put(Symbols("p-ada", b"other", True, NOW + timedelta(microseconds=1)))
    assert pushing.push()
    state.symbols.remove("p-ada")
    assert pushing.push()
    assert told(tmp_path / "pushed.json") == Told()


def test_what_was_told_is_not_told_again(state: State, tmp_path: Path) -> None:
    pushing = Pushing(state, tmp_path / "pushed.json")
    assert pushing.push()
    written = (tmp_path / "pushed.json").stat()
    assert not pushing.push()
    assert (tmp_path / "pushed.json").stat().st_mtime_ns == written.st_mtime_ns
    state.locks.put("p-ada", NOW, "x")
    assert pushing.push()


def test_a_lock_that_is_released_and_a_flag_that_is_taken_back_are_told(state: State, tmp_path: Path) -> None:
    pushing = Pushing(state, tmp_path / "pushed.json")
    state.locks.put("p-ada", NOW, "x")
    state.flag_overrides.put(FlagOverride("STRICT_DEFAULT", "on", NOW, "admin"))
    pushing.push()
    state.locks.release("p-ada", NOW, "admin")
    state.flag_overrides.remove("STRICT_DEFAULT")
    assert pushing.push()
    assert told(tmp_path / "pushed.json") == Told()


def test_of_very_many_raters_those_who_rated_last_are_told(state: State, tmp_path: Path) -> None:
    tables = [FeedbackTable(f"p-{number}", 0.5, 1, NOW + timedelta(seconds=number)) for number in range(MOST_MEANS + 5)]
    with state.database.writing() as connection:
        connection.execute(FEEDBACK_TABLES.insert(), [msgspec.structs.asdict(table) for table in tables])
    Pushing(state, tmp_path / "pushed.json").push()
    means = told(tmp_path / "pushed.json").means
    assert len(means) == MOST_MEANS
    assert "p-4" not in means
    assert f"p-{MOST_MEANS + 4}" in means
