"""The move of old days to Parquet: small files, and each row once, at whatever step the process is killed."""

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from storage.warehouse import Warehouse
from tests.builders.segments import Writer, began, ended, exchange, moment
from tests.builders.warehouses import asked, ids, one, warehouse

# Forks, moves a day, and is killed before the line of storage/parquet.py that is the Nth to be run.
MOVES_AND_DIES = """
import os, shutil, signal, sys
from datetime import date
from pathlib import Path
from storage.warehouse import Warehouse

prepared, copies = Path(sys.argv[1]), Path(sys.argv[2])

def move(data, last_step):
    warehouse = Warehouse(data)
    warehouse.open()
    steps = 0

    def line(frame, event, argument):
        nonlocal steps
        if event == "line":
            steps += 1
            if steps == last_step:
                os.kill(os.getpid(), signal.SIGKILL)
        return line

    def call(frame, event, argument):
        return line if frame.f_code.co_filename.endswith("storage/parquet.py") else None

    sys.settrace(call)
    warehouse.archive(date(2026, 3, 15))
    os._exit(0)

step = 0
while True:
    step += 1
    data = copies / f"{step:03}"
    shutil.copytree(prepared, data)
    child = os.fork()
    if child == 0:
        move(data, step)
    if os.waitpid(child, 0)[1] == 0:
        break
print(step)
"""


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """Exchanges, one that was lost, an incident and an event of the 14th, and exchanges of the 15th."""
    return recorded(tmp_path / "prepared", others=True)


def recorded(data: Path, *, others: bool) -> Path:
    writer = Writer(data)
    writer.segment()
    for number in range(20):
        writer.append(*exchange(f"A-{number:02}", at=number * 4000.0))
    writer.append(began("A-lost"))
    if others:
        writer.append({"event": "incident", "audit_id": "A-01", "at": moment(), "caller": "key:ada", "tool": "browser"})
        writer.append({"event": "eclipse", "audit_id": "A-01", "at": moment()})
    writer.segment()
    with warehouse(data):
        pass
    return data


def test_a_kill_at_any_step_neither_loses_nor_doubles_a_row(tmp_path: Path) -> None:
    prepared = recorded(tmp_path / "prepared", others=False)
    copies = tmp_path / "copies"
    copies.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", MOVES_AND_DIES, str(prepared), str(copies)], capture_output=True, check=True, text=True
    )
    steps = int(done.stdout)
    assert steps > 25, steps
    expected = [*(f"A-{number:02}" for number in range(20)), "A-lost"]
    with_files = 0
    for step in range(1, steps + 1):
        data = copies / f"{step:03}"
        with_files += any((data / "archive").rglob("*.parquet"))
        with warehouse(data) as opened:
            assert opened.rebuilt is None, step
            assert ids(opened) == expected, step
            opened.archive(date(2026, 3, 15))
            assert ids(opened) == expected, step
        # What a kill left must not stand in the way of making the warehouse anew either.
        (data / "warehouse" / "warehouse.duckdb").unlink()
        with warehouse(data) as opened:
            assert ids(opened) == expected, step
        assert not list((data / "archive").rglob("*.new")), step
        shutil.rmtree(data)
    assert 0 < with_files < steps


def test_old_days_leave_the_tables_and_stay_in_the_views(prepared: Path) -> None:
    with warehouse(prepared) as opened:
        before = asked(opened, "SELECT * EXCLUDE (trail) FROM exchanges ORDER BY audit_id")
        moved = opened.archive(date(2026, 3, 15))
        assert [(each.kind, each.day, each.rows) for each in moved] == [
            ("events", date(2026, 3, 14), 1),
            ("exchanges", date(2026, 3, 14), 15),
            ("incidents", date(2026, 3, 14), 1),
        ]
        assert one(opened, "SELECT min(started)::DATE FROM warehouse.kept.exchanges") == date(2026, 3, 15)
        assert asked(opened, "SELECT * EXCLUDE (trail) FROM exchanges ORDER BY audit_id") == before
        assert opened.archive(date(2026, 3, 15)) == []
    (prepared / "warehouse" / "warehouse.duckdb").unlink()
    with warehouse(prepared) as opened:
        assert asked(opened, "SELECT * EXCLUDE (trail) FROM exchanges ORDER BY audit_id") == before
        assert one(opened, "SELECT count(*) FROM incidents") == 1
        assert one(opened, "SELECT count(*) FROM warehouse.kept.every_event") == 1


def test_rows_of_a_day_that_come_late_go_to_a_file_of_their_own(prepared: Path) -> None:
    with warehouse(prepared) as opened:
        opened.archive(date(2026, 3, 15))
        writer = Writer(prepared, "worker-1")
        writer.segment()
        writer.append(*exchange("A-late"))
        opened.catch_up()
        [moved] = opened.archive(date(2026, 3, 15))
        assert moved.file == "exchanges/day=2026-03-14/part-0001.parquet"
        assert "A-late" in ids(opened)
        assert len(ids(opened)) == 22


def test_a_move_never_writes_over_a_file_of_the_same_day(tmp_path: Path) -> None:
    """A rebuild passes over a file that it cannot read; the next one must not take the place of another."""
    data = recorded(tmp_path, others=False)
    every = [*(f"A-{number:02}" for number in range(20)), "A-late", "A-lost"]
    folder = data / "archive" / "exchanges" / "day=2026-03-14"
    with warehouse(data) as opened:
        opened.archive(date(2026, 3, 15))
        writer = Writer(data, "worker-1")
        writer.segment()
        writer.append(*exchange("A-late"))
        opened.catch_up()
        opened.archive(date(2026, 3, 15))
    broken = folder / "part-0000.parquet"
    broken.write_bytes(broken.read_bytes()[:200])
    good = (folder / "part-0001.parquet").read_bytes()
    with warehouse(data) as opened:
        assert ids(opened) == every
        [moved] = opened.archive(date(2026, 3, 15))
        assert moved.file == "exchanges/day=2026-03-14/part-0002.parquet"
        assert ids(opened) == every
        assert (folder / "part-0001.parquet").read_bytes() == good
        assert sorted(path.name for path in folder.iterdir()) == [
            "part-0000.parquet.aside",
            "part-0001.parquet",
            "part-0002.parquet",
        ]
    (data / "warehouse" / "warehouse.duckdb").unlink()
    with warehouse(data) as opened:
        assert opened.faults == ()
        assert ids(opened) == every


def test_a_file_holds_hashes_as_bytes_and_the_steps_that_answered(prepared: Path) -> None:
    with warehouse(prepared) as opened:
        opened.archive(date(2026, 3, 15))
        hashes = one(opened, "SELECT prompt_hash FROM exchanges WHERE audit_id = 'A-01'")
    assert hashes == ended("A-01")["prompt_hash"]
    file = str(prepared / "archive/exchanges/day=2026-03-14/part-0000.parquet")
    with duckdb.connect() as other:
        [(kind, length, seal, hooks)] = other.execute(
            "SELECT typeof(prompt_hash), octet_length(prompt_hash), octet_length(seal), "
            "[step.hook for step in trail] FROM read_parquet(?) WHERE audit_id = 'A-01'",
            [file],
        ).fetchall()
        codecs = other.execute("SELECT DISTINCT compression FROM parquet_metadata(?)", [file]).fetchall()
    assert (kind, length, seal) == ("BLOB", 32, 32)
    assert hooks == ["identify", "account"]
    assert codecs == [("ZSTD",)]


def test_files_belong_to_their_owner_alone(prepared: Path) -> None:
    with warehouse(prepared) as opened:
        opened.archive(date(2026, 3, 15))
    for folder in (prepared / "warehouse", prepared / "archive"):
        assert folder.stat().st_mode & 0o077 == 0


def test_whoever_began_and_was_never_heard_of_again_is_lost_once_the_day_is_old(prepared: Path) -> None:
    writer = Writer(prepared, "worker-9")
    writer.segment()
    writer.append(began("A-open"))
    with warehouse(prepared) as opened:
        assert "A-open" not in ids(opened)
        opened.archive(date(2026, 3, 15))
        assert one(opened, "SELECT outcome FROM exchanges WHERE audit_id = 'A-open'") == "lost"


def test_a_move_that_finds_no_room_leaves_everything_as_it_was(prepared: Path) -> None:
    opened = Warehouse(prepared)
    opened.open()
    before = ids(opened)
    archive = prepared / "archive" / "exchanges"
    archive.write_text("a file where a folder should be")
    with pytest.raises(OSError, match="exchanges"):
        opened.archive(date(2026, 3, 15))
    archive.unlink()
    assert ids(opened) == before
    assert len(opened.archive(date(2026, 3, 15))) > 0
    assert ids(opened) == before
    opened.close()
