"""The retention as the office runs it: what is too old goes everywhere, what is not stays, at whatever step it dies."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.office.event_log import EventLog
from gateway.office.retention import PATIENCE, PAUSE, Report, Retention
from gateway.settings import Retention as Days
from storage.packing import pack
from storage.segments import segments_of
from storage.tombstones import Tombstone, tombstone_event, tombstones_from
from storage.verify import verify
from storage.warehouse import Warehouse
from tests.builders.journals import lines_in
from tests.builders.journals import opened as opened_journal
from tests.builders.months import DAY, FIRST_DAY, Clock, audit_id, days_in_bytes, days_in_journal, lived
from tests.builders.warehouses import asked, ids, one, warehouse

NOON = FIRST_DAY
HOUR = timedelta(hours=1)
YEAR = NOON + 365 * DAY
WRITERS = frozenset(("office", "worker-0", "worker-0-bodies"))
USUAL = Days(events_days=30, bodies_days=7, feedback_days=30)


@contextmanager
def retaining(data: Path, now: datetime, days: Days = USUAL) -> Iterator[tuple[Retention, Warehouse]]:
    """A retention at a moment, and its warehouse, which has taken everything in."""
    log = EventLog(data, "flush")
    with warehouse(data) as opened:
        yield Retention(data, days, opened, log, writers=WRITERS, now=lambda: now), opened
    log.close()


def run(data: Path, now: datetime, days: Days = USUAL) -> Report:
    with retaining(data, now, days) as (retention, _):
        return retention.run()


def exchanges_in(data: Path) -> list[str]:
    with warehouse(data) as opened:
        return ids(opened)


def test_what_is_older_than_the_limit_goes_and_the_rest_stays(tmp_path: Path) -> None:
    lived(tmp_path, range(34))
    report = run(tmp_path, NOON + 33 * DAY)
    assert (report.held, report.segments, report.rows) == (False, 3, 3)
    assert days_in_journal(tmp_path) == list(range(3, 34))
    assert exchanges_in(tmp_path) == [audit_id(day) for day in range(3, 34)]
    assert verify(tmp_path).faults == ()


def test_kept_bodies_go_before_their_records(tmp_path: Path) -> None:
    lived(tmp_path, range(9), bodies=True)
    run(tmp_path, NOON + 8 * DAY + HOUR)
    assert days_in_journal(tmp_path, "worker-0-bodies") == list(range(2, 9))
    assert days_in_journal(tmp_path) == list(range(9))


def test_bodies_never_outlive_their_records(tmp_path: Path) -> None:
    lived(tmp_path, range(4), bodies=True)
    run(tmp_path, NOON + 3 * DAY + HOUR, Days(events_days=2, bodies_days=30))
    assert days_in_journal(tmp_path, "worker-0-bodies") == days_in_journal(tmp_path) == [2, 3]


def test_the_journal_says_what_went(tmp_path: Path) -> None:
    lived(tmp_path, range(34))
    run(tmp_path, NOON + 33 * DAY)
    (event,) = [line for line in lines_in(tmp_path, "office") if line["event"] == "retention"]
    assert event["removed"] == [{"writer": "worker-0", "through": 3}]
    assert event["at"] == "2026-04-03T12:00:00Z"


def test_where_nothing_is_too_old_nothing_happens_and_nothing_is_said(tmp_path: Path) -> None:
    lived(tmp_path, range(5))
    report = run(tmp_path, NOON + 10 * DAY)
    assert (report.held, report.segments, report.rows, report.files) == (False, 0, 0, 0)
    assert not (tmp_path / "journal" / "office").exists()
    assert exchanges_in(tmp_path) == [audit_id(day) for day in range(5)]


def test_day_after_day_what_became_too_old_goes(tmp_path: Path) -> None:
    lived(tmp_path, range(36))
    for day in range(31, 35):
        report = run(tmp_path, NOON + day * DAY)
        assert not report.held
        assert exchanges_in(tmp_path)[0] == audit_id(day - 30)
        assert verify(tmp_path).faults == ()


def test_old_days_of_the_archive_go_with_their_files(tmp_path: Path) -> None:
    lived(tmp_path, range(34))
    with retaining(tmp_path, NOON + 32 * DAY + HOUR) as (retention, opened):
        opened.archive(date(2026, 3, 25))
        files = sorted(tmp_path.glob("archive/exchanges/day=*/*.parquet"))
        report = retention.run()
        # Days go whole: that of the limit stays until all of it is too old.
        assert ids(opened) == [audit_id(day) for day in range(2, 34)]
    assert (report.rows, report.files) == (0, 2)
    left = sorted(tmp_path.glob("archive/exchanges/day=*/*.parquet"))
    assert left == files[2:] and not (tmp_path / "archive/exchanges/day=2026-03-02").exists()


def test_the_bytes_of_what_went_are_gone_from_every_file(tmp_path: Path) -> None:
    lived(tmp_path, range(34), bodies=True)
    for segment in segments_of(tmp_path / "journal" / "worker-0")[1:10]:
        pack(segment)
    assert len(exchanges_in(tmp_path)) == 34
    assert days_in_bytes(tmp_path / "warehouse", range(34)) == list(range(34))
    assert not run(tmp_path, NOON + 33 * DAY, Days()).held
    assert days_in_bytes(tmp_path / "warehouse", range(34)) == list(range(3, 34))
    assert days_in_bytes(tmp_path, range(34)) == list(range(3, 34))


def test_the_bytes_of_an_archived_day_leave_the_warehouse_with_the_day(tmp_path: Path) -> None:
    lived(tmp_path, range(34))
    with warehouse(tmp_path) as opened:
        opened.archive(date(2026, 3, 25))
    assert not run(tmp_path, NOON + 32 * DAY).held
    found = days_in_bytes(tmp_path / "warehouse", range(34))
    assert found == list(range(24, 34))


def test_a_warehouse_that_is_made_anew_brings_nothing_back(tmp_path: Path) -> None:
    lived(tmp_path, range(34))
    with retaining(tmp_path, NOON + 32 * DAY + HOUR) as (retention, opened):
        opened.archive(date(2026, 3, 25))
        assert not retention.run().held
    (tmp_path / "warehouse" / "warehouse.duckdb").write_bytes(b"not a database")
    with warehouse(tmp_path) as opened:
        assert opened.rebuilt is not None
        assert ids(opened) == [audit_id(day) for day in range(2, 34)]


def test_a_broken_warehouse_that_was_set_aside_goes_after_a_day(tmp_path: Path) -> None:
    lived(tmp_path, range(3))
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / "warehouse.duckdb").write_bytes(b"not a database")
    with retaining(tmp_path, NOON + 3 * DAY) as (retention, opened):
        assert opened.rebuilt is not None and opened.rebuilt.aside.exists()
        retention.run()
        assert opened.rebuilt.aside.exists()
        os.utime(opened.rebuilt.aside, (NOON.timestamp(), NOON.timestamp()))
        retention.run()
        assert not opened.rebuilt.aside.exists()


def test_the_sums_of_the_days_stay(tmp_path: Path) -> None:
    lived(tmp_path, range(34))
    with retaining(tmp_path, NOON + 33 * DAY) as (retention, opened):
        before = asked(opened, "SELECT day, exchanges, cost FROM usage_daily ORDER BY day")
        retention.run()
        assert asked(opened, "SELECT day, exchanges, cost FROM usage_daily ORDER BY day") == before
        assert len(before) == 34


def test_feedback_has_a_limit_of_its_own(tmp_path: Path) -> None:
    lived(tmp_path, range(4))
    with retaining(tmp_path, NOON + 3 * DAY, Days(events_days=30, feedback_days=1)) as (retention, opened):
        said = f'{{"event":"feedback","audit_id":"{audit_id(0)}","at":"2026-03-0%dT12:00:00Z","rating":5}}'
        for day in (1, 2, 3, 4):
            retention._log.append((said % day).encode())
        opened.catch_up()
        retention.run()
        assert one(opened, "SELECT list(day(happened) ORDER BY happened) FROM feedback") == [3, 4]
        assert len(ids(opened)) == 4


def test_a_segment_that_goes_before_all_of_it_was_taken_in_is_not_waited_for(tmp_path: Path) -> None:
    lived(tmp_path, range(33))
    log = EventLog(tmp_path, "flush")
    opened = Warehouse(tmp_path, pass_bytes=1)
    opened.open()
    try:
        assert opened.ingest().more
        Retention(tmp_path, USUAL, opened, log, writers=WRITERS, now=lambda: NOON + 32 * DAY).run()
        assert [fault for taken in opened.catch_up() for fault in taken.faults] == []
        assert ids(opened) == [audit_id(day) for day in range(2, 33)]
    finally:
        opened.close()
        log.close()


def test_the_warehouse_takes_in_what_comes_after(tmp_path: Path) -> None:
    lived(tmp_path, range(34))
    with retaining(tmp_path, NOON + 33 * DAY) as (retention, opened):
        retention.run()
        lived(tmp_path, [34])
        opened.catch_up()
        assert ids(opened)[-1] == audit_id(34)
        assert opened.ingest().faults == ()


def test_a_clock_that_jumps_takes_nothing_away_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lived(tmp_path, range(20))
    with caplog.at_level(logging.WARNING):
        report = run(tmp_path, YEAR)
    assert (report.held, report.segments, report.rows) == (True, 0, 0)
    assert exchanges_in(tmp_path) == [audit_id(day) for day in range(20)]
    assert (
        "Some records are 335 days overdue, so their removal waits a day. Is the clock right? It says 2027-03-01"
        in caplog.text
    )


def test_a_clock_that_jumped_and_was_put_right_has_cost_nothing(tmp_path: Path) -> None:
    lived(tmp_path, range(20))
    run(tmp_path, YEAR)
    report = run(tmp_path, NOON + 20 * DAY)
    assert not report.held
    assert exchanges_in(tmp_path) == [audit_id(day) for day in range(20)]
    assert verify(tmp_path).faults == ()


def test_a_clock_that_jumped_is_not_believed_sooner_for_being_asked_often(tmp_path: Path) -> None:
    lived(tmp_path, range(20))
    for hours in range(0, 22, 3):
        assert run(tmp_path, YEAR + timedelta(hours=hours)).held
    assert len([line for line in lines_in(tmp_path, "office") if line["event"] == "retention_held"]) == 1


def test_a_clock_that_jumped_is_believed_after_a_day(tmp_path: Path) -> None:
    lived(tmp_path, range(20))
    run(tmp_path, YEAR)
    report = run(tmp_path, YEAR + DAY)
    assert (report.held, report.rows) == (False, 20)
    assert exchanges_in(tmp_path) == []
    assert verify(tmp_path).faults == ()


def test_the_next_jump_waits_again(tmp_path: Path) -> None:
    lived(tmp_path, range(20))
    run(tmp_path, YEAR)
    run(tmp_path, YEAR + DAY)
    lived(tmp_path, range(366, 380))
    assert run(tmp_path, YEAR + 300 * DAY).held


def test_a_writer_that_is_not_used_any_more_can_grow_old_too(tmp_path: Path) -> None:
    lived(tmp_path, [1, 2], writer="worker-1")
    run(tmp_path, NOON + 3 * DAY)
    assert len(segments_of(tmp_path / "journal" / "worker-1")) == 2, "it may only rest"
    run(tmp_path, NOON + 3 * DAY + HOUR)
    run(tmp_path, NOON + 5 * DAY)
    numbers = [segment.number for segment in segments_of(tmp_path / "journal" / "worker-1")]
    assert len(numbers) == 3, "one new segment, once"
    assert not run(tmp_path, NOON + 33 * DAY + 2 * HOUR).held
    assert [segment.number for segment in segments_of(tmp_path / "journal" / "worker-1")] == numbers[-1:]


def test_who_was_erased_stays_known_when_the_tombstone_grows_old(tmp_path: Path) -> None:
    stone = Tombstone(NOON, "p-0123456789abcdef0123", "admin", "asked for")
    clock = Clock()
    for day in range(34):
        clock.now = NOON + day * DAY
        office = opened_journal(tmp_path, "office", clock=clock)
        if day == 1:
            office.append_event(tombstone_event(stone))
        office.close()
    for day in (32, 33):
        with retaining(tmp_path, NOON + day * DAY + HOUR) as (retention, _):
            assert retention.run().segments
        assert tombstones_from(tmp_path / "journal", 0).tombstones == [stone]
        assert verify(tmp_path).faults == ()


class TestWhenItRuns:
    """At the start, and once a day; at first it waits for the warehouse, but not for ever."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @contextmanager
    def running(self, data: Path, clock: Clock, *, complete: bool) -> Iterator[Retention]:
        log = EventLog(data, "flush")
        with warehouse(data) as opened:
            yield Retention(
                data,
                USUAL,
                opened,
                log,
                writers=WRITERS,
                is_complete=lambda: complete,
                now=lambda: clock.now,
                clock=clock,
            )
        log.close()

    def test_it_runs_at_once_and_then_once_a_day(self, tmp_path: Path, clock: Clock) -> None:
        with self.running(tmp_path, clock, complete=True) as retention:
            ran = []
            for _ in range(60):
                retention.report = None
                assert retention.run_if_due() is False
                ran.append(retention.report is not None)
                clock.now += timedelta(hours=1)
        assert [hour for hour, did in enumerate(ran) if did] == [0, 24, 48]
        assert timedelta(hours=24) == PAUSE

    def test_it_waits_for_the_warehouse_but_not_for_ever(self, tmp_path: Path, clock: Clock) -> None:
        with self.running(tmp_path, clock, complete=False) as retention:
            retention.run_if_due()
            clock.now += PATIENCE - timedelta(seconds=1)
            retention.run_if_due()
            assert retention.report is None
            clock.now += timedelta(seconds=1)
            retention.run_if_due()
            assert retention.report is not None


# Forks, runs the retention, and is killed where it comes to the Nth of these functions for the first time.
RUNS_AND_DIES = """
import os, shutil, signal, sys
from pathlib import Path
from tests.builders.months import DAY, FIRST_DAY
from tests.gateway.office.test_retention import retaining

prepared, copies = Path(sys.argv[1]), Path(sys.argv[2])
STEPS = {
    "retention_event", "settle", "remove", "sync_folder", "expire_rows", "has_leftovers", "expire_files",
    "_expire_days", "compact", "settled", "_reopen", "clear_leftovers", "_tell",
}

def run(data, last_step):
    met = set()

    def call(frame, event, argument):
        if frame.f_code.co_name in STEPS:
            met.add(frame.f_code.co_name)
            if len(met) == last_step:
                os.kill(os.getpid(), signal.SIGKILL)

    with retaining(data, FIRST_DAY + 32 * DAY) as (retention, _):
        sys.settrace(call)
        retention.run()
        sys.settrace(None)
    os._exit(0)

step = 0
while True:
    step += 1
    data = copies / f"{step:03}"
    shutil.copytree(prepared, data)
    child = os.fork()
    if child == 0:
        run(data, step)
    if os.waitpid(child, 0)[1] == 0:
        break
print(step)
"""


def test_a_kill_at_any_step_leaves_a_whole_audit_and_the_next_run_finishes_it(tmp_path: Path) -> None:
    prepared, copies = tmp_path / "prepared", tmp_path / "copies"
    lived(prepared, [0, 1, 31, 32])
    with warehouse(prepared) as opened:
        opened.archive(date(2026, 3, 2))
    copies.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", RUNS_AND_DIES, str(prepared), str(copies)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps == 14, "it has come to each of the steps"
    for data in sorted(copies.iterdir()):
        assert verify(data).faults == (), data.name
        with retaining(data, NOON + 32 * DAY) as (retention, opened):
            assert ids(opened)[-2:] == [audit_id(31), audit_id(32)], data.name
            assert not retention.run().held, data.name
            assert ids(opened) == [audit_id(31), audit_id(32)], data.name
        assert verify(data).faults == (), data.name
        assert days_in_bytes(data, range(34)) == [31, 32], data.name
        assert list(data.glob("archive/*/day=2026-03-01")) == [], data.name
