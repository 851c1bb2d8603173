"""Opening the state: its schema, its mode, two at once, and what is damaged, newer or not there."""

import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from storage.state.database import FILE
from storage.state.records import FlagOverride
from storage.state.schema import MIGRATIONS, brought_up_to_date
from storage.state.state import State
from storage.state.state_error import StateError
from storage.state.tables import METADATA
from storage.state.version import KNOWN

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_migrations_make_the_tables_that_the_code_knows(state: State) -> None:
    with state.database.writing() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_migrations_that_the_code_knows_are_those_of_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    found = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()]
    assert list(KNOWN) == found[::-1]


def test_what_was_kept_is_there_after_a_new_start(opened: Callable[..., State]) -> None:
    first = opened()
    first.flag_overrides.put(FlagOverride("STRICT_DEFAULT", "on", NOW, "admin"))
    first.close()
    assert [each.name for each in opened().flag_overrides.every()] == ["STRICT_DEFAULT"]


def test_several_that_start_at_once_migrate_once(opened: Callable[..., State]) -> None:
    with ThreadPoolExecutor(4) as threads:
        states = list(threads.map(lambda _: opened(), range(4)))
    for number, state in enumerate(states):
        state.flag_overrides.put(FlagOverride(f"F{number}", "on", NOW, "admin"))
    assert len(states[0].flag_overrides.every()) == 4


def test_a_worker_does_not_start_before_the_office_has_made_the_tables(opened: Callable[..., State]) -> None:
    with pytest.raises(StateError, match="waits for the office"):
        opened(migrate=None)
    opened()
    assert opened(migrate=None).flag_overrides.every() == []


def test_a_newer_schema_stops_the_start_and_is_left_alone(opened: Callable[..., State]) -> None:
    state = opened()
    with state.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for migrate in (brought_up_to_date, None):
        with pytest.raises(StateError, match="written by a newer gateway: its schema is 9999"):
            opened(migrate=migrate)
    with state.database.reading() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_a_change_is_kept_whole_or_not_at_all(state: State) -> None:
    with pytest.raises(ZeroDivisionError), state.database.writing() as connection:
        connection.execute(text("INSERT INTO raters (person, met) VALUES ('p-ada', '2026-11-20 12:00:00')"))
        raise ZeroDivisionError
    with state.database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM raters")).scalar_one() == 0


def test_an_error_repeats_nothing_of_what_was_kept(state: State) -> None:
    with pytest.raises(StateError) as raised, state.database.writing() as connection:
        connection.execute(text("INSERT INTO raters (person) VALUES (:person)"), {"person": "secret"})
    assert "secret" not in str(raised.value)
    assert "cannot be used" in str(raised.value)


def test_what_is_not_open_says_so(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="is not open"):
        State(tmp_path).flag_overrides.every()


def test_the_file_is_for_nobody_else(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.open(brought_up_to_date)
    state.flag_overrides.put(FlagOverride("F", "on", NOW, "admin"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    state.close()
    assert modes == {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}


def test_the_file_is_as_safe_as_it_is_promised(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.open(brought_up_to_date)
    with state.database.reading() as connection:
        said = [
            connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "secure_delete")
        ]
    state.close()
    assert said == ["wal", 2, 1]


@pytest.mark.parametrize("damage", ["nonsense", "torn", "flipped"])
def test_a_damaged_file_stops_the_start_and_is_left_as_it_is(tmp_path: Path, damage: str) -> None:
    state = State(tmp_path)
    state.open(brought_up_to_date)
    for number in range(10):
        state.flag_overrides.put(FlagOverride(f"F{number}", "on" * 2000, NOW, "admin"))
    state.scrub()
    state.close()
    path = tmp_path / FILE
    whole = path.read_bytes()
    damaged = {
        "nonsense": b"this is no database" * 500,
        "torn": whole[: len(whole) // 2],
        "flipped": whole[:4096] + bytes(byte ^ 0xFF for byte in whole[4096:]),
    }[damage]
    path.write_bytes(damaged)
    with pytest.raises(StateError, match=rf"{FILE} (is damaged|cannot be used): .*|{FILE} is damaged"):
        State(tmp_path).open(brought_up_to_date)
    assert path.read_bytes() == damaged


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(StateError, match=rf"{FILE} cannot be used"):
        State(tmp_path).open(brought_up_to_date)


def test_a_file_that_another_process_holds_is_named(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.open(brought_up_to_date)
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    state.database.close()
    impatient = State(tmp_path)
    impatient.database.busy_seconds = 0.1
    with pytest.raises(StateError, match="locked"):
        impatient.open(brought_up_to_date)
    holder.close()


@pytest.mark.parametrize("url", ["mysql://a:b@host/db", "no address", "postgresql+asyncpg://host/db", "sqlite:///x"])
def test_an_address_that_is_none_of_postgresql_is_refused_without_repeating_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(StateError, match="not of the form postgresql://") as raised:
        State(tmp_path, url)
    assert url not in str(raised.value)


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    state = State(tmp_path, "postgresql://ada:hunter2@127.0.0.1:1/db?sslpassword=hunter2")
    with pytest.raises(StateError, match=r"postgresql\+psycopg://ada:\*\*\*@127.0.0.1:1/db cannot be used") as raised:
        state.open(brought_up_to_date)
    assert "hunter2" not in str(raised.value)
