"""The warehouse: made anew from journal and Parquet where its file is not whole, put in order while it is asked."""

import resource
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from storage.expiry import Limits
from storage.sql_check import SqlRefused
from storage.sql_sandbox import Sandbox
from storage.warehouse import Warehouse
from storage.warehouse_file import WarehouseBusy, WarehouseError
from tests.builders.segments import Writer, exchange
from tests.builders.warehouses import asked, ids, one, warehouse

NAMES = [f"A-{number:02}" for number in range(40)]


def recorded(data: Path) -> Writer:
    """Forty exchanges over four days, a quarter of them in Parquet, the rest in the file and partly in its log."""
    writer = Writer(data)
    writer.segment()
    for number, name in enumerate(NAMES[:30]):
        writer.append(*exchange(name, at=number * 8640.0))
    with warehouse(data) as opened:
        opened.archive(date(2026, 3, 15))
    for number, name in enumerate(NAMES[30:], 30):
        writer.append(*exchange(name, at=number * 8640.0))
    return writer


def killed_after_ingest(data: Path) -> None:
    """Leaves the files as a kill leaves them: what came last stands in the log beside the file."""
    opened = Warehouse(data)
    opened.open()
    opened.catch_up()
    copy = data.parent / "copy"
    shutil.copytree(data, copy)
    opened.close()
    shutil.rmtree(data)
    copy.rename(data)


def flip(path: Path, at: int) -> None:
    whole = bytearray(path.read_bytes())
    whole[at] ^= 0x55
    path.write_bytes(whole)


def of_the_log(data: Path) -> Path:
    return data / "warehouse" / "warehouse.duckdb.wal"


def of_the_file(data: Path) -> Path:
    return data / "warehouse" / "warehouse.duckdb"


BREAKAGES: dict[str, Callable[[Path], None]] = {
    "one flipped byte in the middle of the log": lambda data: flip(
        of_the_log(data), of_the_log(data).stat().st_size // 2
    ),
    "one flipped byte in the first block": lambda data: flip(of_the_file(data), 4200),
    "one flipped byte in the header": lambda data: flip(of_the_file(data), 9),
    "a file cut in its middle": lambda data: _cut(of_the_file(data), 9000),
    "a file cut in its header": lambda data: _cut(of_the_file(data), 500),
    "a file of nothing but noise": lambda data: _noise(of_the_file(data)),
    "a file of another version": lambda data: _of_another_version(data),
    "a Parquet file that is gone": lambda data: next((data / "archive").rglob("*.parquet")).unlink(),
    "a Parquet file that was cut": lambda data: _cut(next((data / "archive").rglob("*.parquet")), 500),
}


def _cut(path: Path, at: int) -> None:
    path.write_bytes(path.read_bytes()[:at])


def _noise(path: Path) -> None:
    path.write_bytes(b"noise" * 10_000)


def _of_another_version(data: Path) -> None:
    with warehouse(data) as opened:
        opened._open_connection().execute("UPDATE kept.about SET version = 999")


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_file_that_is_not_whole_is_set_aside_and_made_anew_from_what_there_is(breakage: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    recorded(data)
    killed_after_ingest(data)
    BREAKAGES[breakage](data)
    with warehouse(data) as opened:
        assert opened.rebuilt is not None
        assert opened.rebuilt.aside.name.startswith("warehouse.duckdb.broken-")
        assert opened.rebuilt.aside.exists()
        assert opened.rebuilt.reason.endswith(".")
        assert ids(opened) == NAMES
        assert one(opened, "SELECT sum(exchanges) FROM usage_daily") == 40
        assert one(opened, "SELECT sum(exchanges) FROM latency_minute") == 40
    with warehouse(data) as again:
        assert again.rebuilt is None
        assert ids(again) == NAMES


@pytest.mark.parametrize("part", [0.7, 0.96], ids=["what is asked for", "what is written to"])
def test_a_byte_that_flips_in_the_file_costs_no_row(part: float, tmp_path: Path) -> None:
    recorded(tmp_path)
    with warehouse(tmp_path):
        pass
    flip(of_the_file(tmp_path), int(of_the_file(tmp_path).stat().st_size * part))
    with warehouse(tmp_path) as opened:
        writer = Writer(tmp_path, "worker-1")
        writer.segment()
        writer.append(*exchange("A-new"))
        opened.catch_up()
        assert seen(opened) == [*NAMES, "A-new"]
        assert opened.rebuilt is not None


def test_a_question_that_finds_a_broken_block_has_the_file_made_anew(tmp_path: Path) -> None:
    recorded(tmp_path)
    with warehouse(tmp_path) as opened:
        with pytest.raises(duckdb.Error, match="Corrupt"):
            asked_of_a_broken_block(opened)
        assert opened.rebuilt is None
        opened.catch_up()
        assert opened.rebuilt is not None
        assert opened.rebuilt.reason == "Corrupt database file: computed checksum 1 does not match."
        assert ids(opened) == NAMES


def asked_of_a_broken_block(opened: Warehouse) -> None:
    """What DuckDB raises where a block is not what it wrote; which bytes lie in a block is its own affair."""
    reader = opened.read(None)
    try:
        with reader.connection():
            raise duckdb.Error("Corrupt database file: computed checksum 1 does not match\nStack")
    finally:
        reader.close()


def seen(opened: Warehouse) -> list[str]:
    """The exchanges with all that is kept of them; where a block is broken, after the next pass of the ingest."""
    try:
        asked(opened, "SELECT * FROM exchanges")
    except duckdb.Error:
        opened.catch_up()
        asked(opened, "SELECT * FROM exchanges")
    return ids(opened)


def test_a_kill_leaves_a_file_that_opens_as_it_is(tmp_path: Path) -> None:
    data = tmp_path / "data"
    recorded(data)
    killed_after_ingest(data)
    assert of_the_log(data).exists()
    with warehouse(data) as opened:
        assert opened.rebuilt is None
        assert ids(opened) == NAMES


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_where_the_file_is_gone_journal_and_parquet_bring_everything_back_once(left: str, tmp_path: Path) -> None:
    recorded(tmp_path)
    with warehouse(tmp_path):
        pass
    of_the_file(tmp_path).unlink()
    if left == "an empty file":
        of_the_file(tmp_path).touch()
    with warehouse(tmp_path) as opened:
        assert ids(opened) == NAMES
        assert one(opened, "SELECT sum(exchanges) FROM usage_daily") == 40
        assert asked(opened, "FROM warehouse.kept.already") == []


def test_what_the_journal_no_longer_has_is_brought_back_from_parquet(tmp_path: Path) -> None:
    writer = recorded(tmp_path)
    with warehouse(tmp_path) as opened:
        archived = {row[0] for row in asked(opened, "SELECT audit_id FROM exchanges WHERE started < '2026-03-15'")}
    of_the_file(tmp_path).unlink()
    writer.path.unlink()
    with warehouse(tmp_path) as opened:
        assert set(ids(opened)) == archived != set()


def test_one_warehouse_is_open_once(tmp_path: Path) -> None:
    with warehouse(tmp_path) as opened:
        with pytest.raises(WarehouseBusy):
            Warehouse(tmp_path).open()
        assert ids(opened) == []
    with warehouse(tmp_path):
        pass


def test_a_question_that_ends_the_engine_costs_no_row_and_no_file(tmp_path: Path) -> None:
    """DuckDB takes a failed allocation in some of its functions for an error of its own, and then answers nothing."""
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(*exchange("A-0"))
    now = [datetime(2026, 3, 14, tzinfo=UTC)]
    opened = Warehouse(tmp_path, now=lambda: now[0])
    opened.open()
    opened.catch_up()
    end_the_engine(opened)
    with pytest.raises(WarehouseError, match="invalidated"):
        ids(opened)
    opened.ingest()
    assert (ids(opened), aside(tmp_path)) == (["A-0"], [])
    now[0] += timedelta(minutes=9)
    end_the_engine(opened)
    opened.catch_up()
    assert (ids(opened), len(aside(tmp_path))) == (["A-0"], 1)
    opened.close()


def aside(data: Path) -> list[Path]:
    return list((data / "warehouse").glob("*.broken-*[0-9]"))


def end_the_engine(opened: Warehouse) -> None:
    """Asks, with little memory, for what the sandbox refuses to ask."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, hard))
    try:
        with pytest.raises(duckdb.InternalException):
            asked(opened, "SELECT reservoir_quantile(range, 0.5, 2000000000) FROM range(10)")
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def test_compaction_takes_the_bytes_of_deleted_rows_away_and_no_row(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    for number in range(2000):
        writer.append(*exchange(f"A-{number:04}", error=f"planted-secret-{number}"))
    with warehouse(tmp_path) as opened:
        opened._open_connection().execute("DELETE FROM kept.exchanges WHERE audit_id <> 'A-0007'")
        done = opened.compact()
        assert done.after < done.before
        assert ids(opened) == ["A-0007"]
        writer.append(*exchange("A-2000"))
        assert opened.ingest().lines == 2
        assert ids(opened) == ["A-0007", "A-2000"]
        views = asked(opened, "SELECT comment FROM duckdb_views() WHERE view_name = 'exchanges'")
        assert ("One row for each request to the model API, whatever its end.",) in views
    left = b"".join(path.read_bytes() for path in (tmp_path / "warehouse").iterdir())
    assert b"planted-secret-7" in left
    assert b"planted-secret-1234" not in left


def test_a_file_beside_which_a_log_is_left_is_not_exchanged_and_that_is_said(tmp_path: Path) -> None:
    recorded(tmp_path)
    with warehouse(tmp_path) as opened:
        opened.forget()
        of_the_log(tmp_path).touch()
        with pytest.raises(WarehouseError, match="could not be copied"):
            opened.compact()
        assert not (tmp_path / "warehouse" / "fresh.duckdb").exists()
        assert ids(opened) == NAMES
        of_the_log(tmp_path).unlink(missing_ok=True)
        opened.compact()


@pytest.mark.parametrize("work", ["compact", "forget", "expire"])
def test_a_parquet_file_that_goes_meanwhile_costs_no_row_and_leaves_it_open(work: str, tmp_path: Path) -> None:
    recorded(tmp_path)
    limits = Limits(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
    with warehouse(tmp_path) as opened:
        if work == "expire":
            opened._open_connection().execute("INSERT INTO kept.leftovers VALUES (true)")
        next((tmp_path / "archive").rglob("part-*.parquet")).unlink()
        works: dict[str, Callable[[], object]] = {
            "compact": opened.compact,
            "forget": opened.forget,
            "expire": lambda: opened.expire(limits, ()),
        }
        works[work]()
        assert opened.is_open
        assert opened.rebuilt is not None
        opened.catch_up()
        assert ids(opened) == NAMES


def test_a_warehouse_that_could_not_be_opened_again_is_open_once_that_can_be(tmp_path: Path) -> None:
    recorded(tmp_path)
    with warehouse(tmp_path) as opened:
        in_the_way = tmp_path / "warehouse" / "answer-in-the-way.parquet"
        in_the_way.mkdir()
        with pytest.raises(OSError, match="in-the-way"):
            opened.forget()
        assert not opened.is_open
        with pytest.raises(WarehouseError, match="closed"):
            ids(opened)
        in_the_way.rmdir()
        opened.ingest()
        assert ids(opened) == NAMES


def test_readers_and_writers_do_not_hinder_each_other(tmp_path: Path) -> None:
    """Every answer is of one moment: each exchange once, however days move and the file is exchanged meanwhile."""
    writer = Writer(tmp_path)
    writer.segment()
    wrong: list[object] = []
    stop = threading.Event()
    with warehouse(tmp_path) as opened:

        def ask() -> None:
            while not stop.is_set():
                [(rows, different)] = asked(opened, "SELECT count(*), count(DISTINCT audit_id) FROM exchanges")
                if rows != different or rows % 5:
                    wrong.append((rows, different))

        asking = [threading.Thread(target=ask) for _ in range(2)]
        for each in asking:
            each.start()
        for turn in range(8):
            writer.append(*(line for number in range(5) for line in exchange(f"A-{turn}-{number}", at=turn * 43_200.0)))
            opened.catch_up()
            opened.archive((datetime(2026, 3, 14, tzinfo=UTC) + timedelta(days=turn / 2 - 1)).date())
            if turn % 3 == 2:
                opened.compact()
        stop.set()
        for each in asking:
            each.join()
        assert wrong == []
        assert len(ids(opened)) == 40


def test_a_closed_warehouse_says_so(tmp_path: Path) -> None:
    with warehouse(tmp_path) as opened:
        pass
    with pytest.raises(WarehouseError, match="closed"):
        opened.ingest()
    with pytest.raises(WarehouseError, match="closed"):
        opened.read(None)


def test_plugins_add_views_and_one_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    views = {
        "my models": "SELECT caller, model, count(*) AS n FROM exchanges GROUP BY ALL",
        "totals": "SELECT count(*) AS n FROM exchanges",
        "bad": "SELECT nosuch FROM exchanges",
    }
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(*exchange("A-1"), *exchange("A-2", caller="key:bob"))
    with warehouse(tmp_path, views=views) as opened:
        assert opened.rebuilt is None
        assert [fault for fault in opened.faults if "The view bad of a plugin" in fault] == list(opened.faults)
        assert len(asked(opened, 'SELECT * FROM "my models"')) == 2
        assert asked(opened, 'SELECT caller FROM "my models"', principal="key:bob") == [("key:bob",)]
        sandbox = Sandbox(opened, opened.folder)
        assert [view.name for view in sandbox.views(principal="key:bob")][-1] == "my models"
        hidden = "SELECT * FROM totals"
        around = "SELECT * FROM totals, (WITH totals AS (SELECT 1) SELECT * FROM totals)"
        assert sandbox.query(hidden, principal=None).rows == 1
        for sql in (hidden, around):
            with pytest.raises(SqlRefused, match="totals"):
                sandbox.query(sql, principal="key:bob")


def test_the_view_of_a_plugin_goes_when_the_plugin_goes(tmp_path: Path) -> None:
    with warehouse(tmp_path, views={"mine": "SELECT caller FROM exchanges"}) as opened:
        assert asked(opened, "SELECT * FROM mine") == []
    with warehouse(tmp_path) as opened:
        names = "SELECT count(*) FROM duckdb_views() WHERE view_name = 'mine'"
        assert one(opened, names) == 0
