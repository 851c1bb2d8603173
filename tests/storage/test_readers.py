"""Readers: they cannot write or leave, even unchecked, and see one moment for as long as they are lent."""

import threading
from contextlib import suppress
from datetime import date
from pathlib import Path

import duckdb
import pytest

from storage.warehouse_file import WarehouseError
from tests.builders.segments import Writer, exchange
from tests.builders.warehouses import ids, warehouse


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '/tmp/lukhas-loot.csv'",
        "ATTACH '/tmp/lukhas-loot.duckdb' AS loot",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET memory_limit = '100GB'",
        "RESET lock_configuration",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE TABLE warehouse.main.loot (a INTEGER)",
        "DELETE FROM warehouse.kept.exchanges",
        "INSERT INTO warehouse.kept.about VALUES (7)",
        "DROP VIEW warehouse.main.exchanges",
        "SELECT * FROM frame",
    ],
)
def test_the_engine_refuses_by_itself_what_the_check_would_have_refused(statement: str, tmp_path: Path) -> None:
    frame = [{"a": 1}]
    with warehouse(tmp_path) as opened:
        reader = opened.read(None)
        with reader.connection() as connection, pytest.raises(duckdb.Error):
            connection.execute(statement).fetchall()
        reader.close()
    assert frame


def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(*exchange("A-1"))
    with warehouse(tmp_path) as opened:
        reader = opened.read(None)
        writer.append(*exchange("A-2"))
        opened.ingest()
        opened.archive(date(2026, 3, 15))
        with reader.connection() as connection:
            assert connection.execute("SELECT audit_id FROM exchanges").fetchall() == [("A-1",)]
        reader.close()
        assert ids(opened) == ["A-1", "A-2"]


def test_the_file_is_exchanged_when_nobody_reads_and_readers_wait_meanwhile(tmp_path: Path) -> None:
    with warehouse(tmp_path) as opened:
        reader = opened.read(None)
        with reader.connection():
            compacting = threading.Thread(target=opened.compact)
            compacting.start()
            compacting.join(0.3)
            assert compacting.is_alive()
            waiting = threading.Thread(target=lambda: opened.read(None).close())
            waiting.start()
            waiting.join(0.2)
            assert waiting.is_alive()
        compacting.join(10)
        waiting.join(10)
        assert not compacting.is_alive() and not waiting.is_alive()
        with pytest.raises(WarehouseError, match="ask again"), reader.connection():
            pass


def test_a_question_that_runs_on_is_stopped_when_the_file_is_exchanged(tmp_path: Path) -> None:
    stopped = threading.Event()
    with warehouse(tmp_path) as opened:
        reader = opened.read(None)

        def ask() -> None:
            with reader.connection() as connection, suppress(duckdb.InterruptException):
                connection.execute("SELECT count(*) FROM range(1000000000) a, range(1000000000) b")
            stopped.set()

        threading.Thread(target=ask, daemon=True).start()
        opened.compact()
        assert stopped.wait(5)
        assert reader.was_stopped


def test_a_reader_that_was_just_lent_is_not_taken_back_before_its_first_question(tmp_path: Path) -> None:
    with warehouse(tmp_path) as opened:
        reader = opened.read(None)
        compacting = threading.Thread(target=opened.compact)
        compacting.start()
        compacting.join(0.3)
        assert compacting.is_alive()
        with reader.connection() as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]
        compacting.join(10)
        assert not compacting.is_alive()
        reader.close()
