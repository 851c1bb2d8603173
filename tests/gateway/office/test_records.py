"""The records in the office: fed, put in order, and told of where something is wrong."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.office import records
from gateway.office.chores import Chore
from gateway.office.records import Records
from gateway.settings import Retention
from storage.bundles import Search
from storage.sql_check import SqlRefused
from storage.sql_turns import SqlBusy
from storage.warehouse import Warehouse
from tests.builders.people import keyring_of
from tests.builders.segments import WHEN, Writer, began, ended, exchange
from tests.builders.served import eventually

LATER = datetime(2026, 3, 20, 12, tzinfo=UTC)


class Told:
    """What the workers would learn."""

    def __init__(self) -> None:
        self.fault: str | None = None

    def __call__(self, fault: str | None) -> None:
        self.fault = fault


@contextmanager
def kept(data: Path, told: Told | None = None, *, now: datetime = WHEN, **more: Any) -> Iterator[Records]:
    """The records of a data folder, as an office keeps them."""
    with keyring_of(data) as people:
        running = Records(
            data,
            "flush",
            archive_after_days=3,
            retention=Retention(),
            writers=frozenset(("office", "worker-0")),
            views={},
            people=people,
            tell=told or Told(),
            now=lambda: now,
            **more,
        )
        running.start()
        try:
            yield running
        finally:
            running.stop()


def rows(running: Records, sql: str) -> Any:
    return msgspec.json.decode(running.sandbox.query(sql, principal=None).body)["rows"]


def sees(running: Records, sql: str, expected: Any) -> Callable[[], bool]:
    return lambda: rows(running, sql) == expected


def journal(data: Path) -> Writer:
    writer = Writer(data)
    writer.segment()
    writer.append(*exchange("A-00000001"))
    return writer


def test_what_is_appended_is_in_sql_within_a_second(tmp_path: Path) -> None:
    writer = journal(tmp_path)
    with kept(tmp_path) as running:
        eventually(sees(running, "SELECT count(*) FROM exchanges", [[1]]), 1.0)
        writer.append(*exchange("A-00000002", at=1.0))
        eventually(sees(running, "SELECT count(*) FROM exchanges", [[2]]), 1.0)
        assert len(running.bundles.listed(Search(), 9)) == 2


def test_a_day_that_is_old_moves_to_parquet_and_is_asked_as_before(tmp_path: Path) -> None:
    journal(tmp_path)
    with kept(tmp_path, now=LATER) as running:
        eventually(lambda: list(tmp_path.glob("archive/exchanges/day=2026-03-14/*.parquet")))
        assert rows(running, "SELECT audit_id FROM exchanges") == [["A-00000001"]]
    with kept(tmp_path / "other", now=LATER):
        pass
    assert list(tmp_path.glob("other/archive/*")) == []


def test_nothing_moves_before_its_time(tmp_path: Path) -> None:
    writer = journal(tmp_path)
    with kept(tmp_path) as running:
        writer.append(*exchange("A-00000002", at=1.0))
        eventually(sees(running, "SELECT count(*) FROM exchanges", [[2]]))
    assert list(tmp_path.rglob("part-*.parquet")) == []


def test_what_ended_long_ago_is_not_taken_for_lost_because_its_end_was_not_in_yet(tmp_path: Path) -> None:
    writer = journal(tmp_path)
    writer.append(began("A-00000002", at=1.0))
    # More than one pass takes.
    writer.append(*(ended(f"A-1{number:07}", at=2.0, error="x" * 60_000) for number in range(200)))
    writer.append(ended("A-00000002", at=1.0))
    with kept(tmp_path, now=LATER) as running:
        eventually(lambda: list(tmp_path.glob("archive/exchanges/*/*.parquet")), 20)
        assert rows(running, "SELECT outcome, count(*) FROM exchanges GROUP BY ALL") == [["answered", 202]]


def test_a_segment_is_packed_once_it_is_closed_and_taken_in(tmp_path: Path) -> None:
    writer = journal(tmp_path)
    with kept(tmp_path) as running:
        writer.segment()
        writer.append(*exchange("A-00000002", at=1.0))
        closed, current = (tmp_path / "journal" / "worker-0" / f"0000000{number}.jsonl" for number in (1, 2))
        eventually(lambda: not closed.exists(), records.PACK_SECONDS + 5)
        assert current.exists()
        assert running.bundles.find("A-00000001") is not None
        assert rows(running, "SELECT count(*) FROM exchanges") == [[2]]


def test_an_open_warehouse_of_another_process_is_told_and_waited_for(tmp_path: Path) -> None:
    journal(tmp_path)
    other, told = Warehouse(tmp_path), Told()
    other.open()
    with kept(tmp_path, told) as running:
        eventually(lambda: told.fault is not None)
        assert "is open already" in str(told.fault)
        with pytest.raises(SqlBusy, match="closed"):
            running.sandbox.query("SELECT 1", principal=None)
        assert running.bundles.find("A-00000001") is not None
        other.close()
        eventually(lambda: told.fault is None)
        eventually(sees(running, "SELECT count(*) FROM exchanges", [[1]]))


def test_a_file_that_is_broken_is_made_anew_and_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal(tmp_path)
    with kept(tmp_path) as running:
        eventually(sees(running, "SELECT count(*) FROM exchanges", [[1]]))
    (tmp_path / "warehouse" / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    with kept(tmp_path) as running:
        eventually(sees(running, "SELECT count(*) FROM exchanges", [[1]]))
    assert "The warehouse is made anew from the journal" in caplog.text


def test_a_fault_that_stays_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = journal(tmp_path)
    first = writer.path
    writer.segment()
    first.unlink()
    writer.segment()
    second = writer.path
    writer.segment()
    second.unlink()
    passes: list[int] = []

    def counted() -> bool:
        passes.append(1)
        return False

    with kept(tmp_path, chores=[Chore("count", 0.3, counted)]) as running:
        eventually(lambda: len(passes) > 3)
        assert running.warehouse.is_open
    assert caplog.text.count("segment 3 is missing") == 1


def test_an_event_of_the_office_is_found_at_once_and_later(tmp_path: Path) -> None:
    event = b'{"event":"logged","audit_id":"run-00001","at":"2026-03-14T10:00:00Z","caller":"key:w","bundle":{}}'
    with kept(tmp_path) as running:
        running.log.append(event)
        assert (running.bundles.find("run-00001") or b"").startswith(event[:-1])
        eventually(sees(running, "SELECT count(*) FROM exchanges", [[0]]))
    with kept(tmp_path) as running:
        assert (running.bundles.find("run-00001") or b"").startswith(event[:-1])


def test_a_question_that_goes_on_does_not_hold_up_the_end(tmp_path: Path) -> None:
    journal(tmp_path)
    endless = "SELECT count(*) FROM range(1000000000) AS a, range(1000000000) AS b"
    said: list[str] = []
    begun = threading.Event()

    def ask() -> None:
        begun.set()
        try:
            running.sandbox.query(endless, principal=None)
        except SqlRefused as error:
            said.append(str(error))

    with kept(tmp_path) as running:
        eventually(lambda: running.warehouse.is_open)
        asking = threading.Thread(target=ask)
        asking.start()
        assert begun.wait(5)
        time.sleep(0.2)
        before = time.monotonic()
    asking.join()
    assert time.monotonic() - before < 5
    assert len(said) == 1


def test_who_takes_in_while_names_are_forgotten_finds_the_warehouse(tmp_path: Path) -> None:
    writer = journal(tmp_path)
    with kept(tmp_path) as running, ThreadPoolExecutor(1) as beside:
        eventually(sees(running, "SELECT count(*) FROM exchanges", [[1]]), 5.0)

        def forget_often() -> None:
            for _ in range(5):
                running.forget()

        forgetting = beside.submit(forget_often)
        while not forgetting.done():
            running.catch_up()
        forgetting.result()
        writer.append(*exchange("A-00000002"))
        running.catch_up()
        assert rows(running, "SELECT count(*) FROM exchanges") == [[2]]
