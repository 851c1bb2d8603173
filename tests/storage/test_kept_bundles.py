"""The warehouse finds records: their lines as they stand in segments, else what the tables keep of them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.audit_id import new_audit_id
from storage.bundles import BundlesError, InOrder, Outliner, Search
from storage.journal_tail import JournalTail
from storage.kept_bundles import KeptBundles
from storage.packing import pack
from storage.segments import segments
from storage.warehouse import Warehouse
from tests.builders.segments import WHEN, Writer, began, ended, exchange, moment
from tests.builders.warehouses import warehouse

NAMES = [f"A-{number:08}" for number in range(6)]
LOGGED = {
    "event": "logged",
    "audit_id": "run-00001",
    "at": moment(9.5),
    "started": moment(2.5),
    "caller": "key:writer",
    "model": "llama",
    "bundle": {"audit_id": "run-00001", "text": "ä \\ \u2028"},
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six exchanges and a logged bundle in a closed segment; one that was lost, and one that is on its way."""
    writer = Writer(tmp_path)
    writer.segment()
    for number, name in enumerate(NAMES):
        writer.append(*exchange(name, at=float(number), caller="key:bob" if number % 3 else "key:ada"))
    writer.append(LOGGED, began("A-lost-0001", at=8.0))
    writer.segment()
    writer.append(began("A-going-001", at=9.0))
    return tmp_path


@pytest.fixture
def opened(data: Path) -> Iterator[Warehouse]:
    with warehouse(data) as opened:
        yield opened


def lines(data: Path) -> dict[str, bytes]:
    """The last line of each exchange as it stands in the journal."""
    found: dict[str, bytes] = {}
    for path in sorted(data.glob("journal/*/*.jsonl")):
        for line in path.read_bytes().splitlines():
            outline = msgspec.json.decode(line)
            found[outline.get("audit_id", "")] = line
    return found


def ids(found: list[bytes]) -> list[str]:
    return [msgspec.json.decode(line)["audit_id"] for line in found]


def test_a_record_is_the_line_that_stands_in_the_journal_packed_or_not(data: Path, opened: Warehouse) -> None:
    kept, written = KeptBundles(opened, data / "journal"), lines(data)
    sought = [*NAMES, "run-00001", "A-going-001"]
    assert [kept.find(name) for name in sought] == [written[name] for name in sought]
    (closed, _) = segments(data / "journal")
    pack(closed)
    assert [kept.find(name) for name in sought] == [written[name] for name in sought]


def test_a_record_without_its_segment_is_told_from_the_row(data: Path, opened: Warehouse) -> None:
    kept, written = KeptBundles(opened, data / "journal"), lines(data)
    for segment in segments(data / "journal"):
        segment.path.unlink()
    told = msgspec.json.decode(kept.find(NAMES[0]) or b"")
    line = msgspec.json.decode(written[NAMES[0]])
    assert line.pop("seal")
    assert told == line
    assert msgspec.json.decode(kept.find("run-00001") or b"") == msgspec.json.decode(written["run-00001"])
    assert kept.find("A-going-001") is None


def test_a_segment_that_has_something_else_there_does_not_answer(data: Path, opened: Warehouse) -> None:
    kept, written = KeptBundles(opened, data / "journal"), lines(data)
    (closed, _) = segments(data / "journal")
    closed.path.write_bytes(written[NAMES[1]] + b"\n" + closed.path.read_bytes())
    told = msgspec.json.decode(kept.find(NAMES[0]) or b"")
    assert (told["audit_id"], told["status"], told.get("seal")) == (NAMES[0], 200, None)


def test_an_exchange_that_was_lost_is_told_as_lost(data: Path, opened: Warehouse) -> None:
    told = msgspec.json.decode(KeptBundles(opened, data / "journal").find("A-lost-0001") or b"")
    assert (told["outcome"], told["caller"], told["status"]) == ("lost", "key:ada", None)


@pytest.mark.parametrize("unknown", ["A-99999999", "x", "A-' OR 1=1 --", "../../etc/passwd", "%"])
def test_what_nobody_knows_is_not_there(data: Path, opened: Warehouse, unknown: str) -> None:
    assert KeptBundles(opened, data / "journal").find(unknown) is None


def test_an_id_of_ours_is_found_at_its_time(tmp_path: Path) -> None:
    name = new_audit_id()
    now = datetime.now(UTC)
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(*exchange(name, when=now))
    with warehouse(tmp_path) as opened:
        assert KeptBundles(opened, tmp_path / "journal").find(name) is not None


def test_lists_are_the_newest_that_fit(data: Path, opened: Warehouse) -> None:
    kept = KeptBundles(opened, data / "journal")
    assert ids(kept.listed(Search(), 4)) == ["A-lost-0001", *NAMES[:3:-1], NAMES[3]]
    assert ids(kept.listed(Search(caller="key:ada"), 9)) == ["A-lost-0001", NAMES[3], NAMES[0]]
    assert ids(kept.listed(Search(among=frozenset(("key:ada", "key:nobody"))), 9)) == [
        "A-lost-0001",
        NAMES[3],
        NAMES[0],
    ]
    assert ids(kept.listed(Search(among=frozenset()), 9)) == []
    assert ids(kept.listed(Search(model="llama"), 9)) == ["run-00001"]
    assert ids(kept.listed(Search(model="gpt-4o-mini-2024-07-18"), 9)) == NAMES[::-1]
    assert ids(kept.listed(Search(outcome="lost"), 9)) == ["A-lost-0001"]
    assert ids(kept.listed(Search(endpoint="responses"), 9)) == []
    second = timedelta(seconds=1)
    assert ids(kept.listed(Search(since=WHEN + 2 * second, until=WHEN + 4 * second), 9)) == [
        NAMES[3],
        "run-00001",
        NAMES[2],
    ]


def test_pages_follow_on_each_other_without_gap_or_repetition(data: Path, opened: Warehouse) -> None:
    kept, search, found = KeptBundles(opened, data / "journal"), Search(), list[str]()
    while page := kept.listed(search, 2):
        found += ids(page)
        last = Outliner()(page[-1])
        assert last is not None
        search = msgspec.structs.replace(search, below=last.position)
    assert found == ["A-lost-0001", NAMES[5], NAMES[4], NAMES[3], "run-00001", *NAMES[2::-1]]


def test_lists_of_the_journals_end_and_of_the_warehouse_are_one(data: Path, opened: Warehouse) -> None:
    writer = Writer(data, "worker-1")
    writer.segment()
    writer.append(*exchange("A-newest-01", at=7.0), ended("A-lost-0001", at=8.0))
    both = InOrder([JournalTail(data / "journal", reach=1), KeptBundles(opened, data / "journal")])
    found = both.listed(Search(), 3)
    assert ids(found) == ["A-lost-0001", "A-newest-01", NAMES[5]]
    assert msgspec.json.decode(found[0])["outcome"] == "answered"


def test_old_days_are_found_in_parquet(data: Path, opened: Warehouse) -> None:
    kept, before = KeptBundles(opened, data / "journal"), lines(data)
    listed = ids(kept.listed(Search(), 9))
    while opened.archive(date(2026, 3, 15), most=1):
        pass
    # Whoever is still on the way on a day that is old is lost.
    assert ids(kept.listed(Search(), 9)) == ["A-going-001", *listed]
    assert kept.find(NAMES[0]) == before[NAMES[0]]
    assert kept.find("run-00001") == before["run-00001"]
    for segment in segments(data / "journal"):
        segment.path.unlink()
    assert msgspec.json.decode(kept.find(NAMES[0]) or b"")["usage"] == msgspec.json.decode(before[NAMES[0]])["usage"]


def test_a_warehouse_that_is_closed_says_so_and_does_not_say_that_nothing_is_there(data: Path) -> None:
    closed = Warehouse(data)
    kept = KeptBundles(closed, data / "journal")
    with pytest.raises(BundlesError, match="cannot be looked up now: The warehouse is closed"):
        kept.find(NAMES[0])
    both = InOrder([JournalTail(data / "journal"), kept])
    assert both.find(NAMES[0]) == lines(data)[NAMES[0]]
    assert len(both.listed(Search(), 9)) == 7
    with pytest.raises(BundlesError):
        both.find("A-99999999")
