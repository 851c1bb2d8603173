"""Records are found in all segments, plain and packed, and only those are read that can have them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.bundles import Search
from storage.journal_records import bytes_of, find_record, records
from storage.packing import pack
from storage.segments import segments
from tests.builders.segments import Writer, began, ended, exchange, moment

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)


def name(number: int, at: datetime) -> str:
    """An id of ours, which carries its time."""
    digits = f"{int(at.timestamp() * 1000):012x}"
    return f"A-{digits[:8]}-{digits[8:]}-7000-8000-{number:012d}"


def journal(data: Path) -> list[str]:
    """Five days, a segment and an exchange of Ada and of Bob each; the first three packed. Gives the ids of Ada's."""
    writer = Writer(data)
    ids = []
    for day in range(5):
        when = START + day * DAY
        writer.segment(at=moment(0, when))
        ids.append(name(day, when))
        writer.append(*exchange(ids[-1], when=when, caller="key:ada"))
        writer.append(*exchange(name(day + 100, when), when=when, caller="key:bob"))
    for segment in segments(data / "journal")[:3]:
        pack(segment)
    return ids


def found(data: Path, search: Search) -> list[str]:
    lines = list(records(data / "journal", search))
    return [line.split(b'"audit_id":"')[1].split(b'"')[0].decode() for line in lines]


def test_an_exchange_is_found_wherever_it_stands(tmp_path: Path) -> None:
    for audit_id in journal(tmp_path):
        line = find_record(tmp_path / "journal", audit_id)
        assert line is not None
        assert line.startswith(b'{"event":"ended","audit_id":"' + audit_id.encode())


def test_of_one_that_has_not_ended_there_is_the_beginning(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(began("A-only-begun"))
    line = find_record(tmp_path / "journal", "A-only-begun")
    assert line is not None
    assert line.startswith(b'{"event":"began"')


def test_the_end_is_found_in_a_later_segment_and_says_more_than_what_was_logged(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(began("run-0000001"), {"event": "logged", "audit_id": "run-0000001"})
    assert (find_record(tmp_path / "journal", "run-0000001") or b"").startswith(b'{"event":"logged"')
    writer.segment()
    writer.append(ended("run-0000001"))
    assert (find_record(tmp_path / "journal", "run-0000001") or b"").startswith(b'{"event":"ended"')


@pytest.mark.parametrize("audit_id", ["A-not-there", "", "x", '"', "A-0000\n"])
def test_what_is_not_there_is_none(tmp_path: Path, audit_id: str) -> None:
    journal(tmp_path)
    assert find_record(tmp_path / "journal", audit_id) is None


def test_a_line_that_only_mentions_an_id_is_not_its_record(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(ended("A-another-one", error='"audit_id":"A-mentioned"', bundle={"audit_id": "A-mentioned"}))
    assert find_record(tmp_path / "journal", "A-mentioned") is None


def test_all_that_ended_come_in_their_order(tmp_path: Path) -> None:
    ids = journal(tmp_path)
    all_of_them = found(tmp_path, Search())
    assert len(all_of_them) == 10
    assert [audit_id for audit_id in all_of_them if audit_id in ids] == ids


def test_a_span_of_time_and_a_caller_narrow_it(tmp_path: Path) -> None:
    ids = journal(tmp_path)
    search = Search(since=START + DAY, until=START + 3 * DAY, caller="key:ada")
    assert found(tmp_path, search) == ids[1:3]


def test_segments_that_cannot_have_them_are_not_read(tmp_path: Path) -> None:
    journal(tmp_path)
    path = tmp_path / "journal" / "worker-0" / "00000005.jsonl"
    search = Search(since=START + 4 * DAY + timedelta(hours=1))
    assert bytes_of(tmp_path / "journal", search) == path.stat().st_size
    assert bytes_of(tmp_path / "journal", Search()) > 2 * path.stat().st_size


@pytest.mark.parametrize("search", [Search(), Search(since=START + 3 * DAY)], ids=["all", "some"])
def test_it_tells_how_many_bytes_it_has_read(tmp_path: Path, search: Search) -> None:
    journal(tmp_path)
    told: list[int] = []
    list(records(tmp_path / "journal", search, progress=told.append))
    assert sum(told) == bytes_of(tmp_path / "journal", search)


def test_a_segment_that_is_damaged_keeps_nobody_from_the_others(tmp_path: Path) -> None:
    ids = journal(tmp_path)
    (tmp_path / "journal" / "worker-0" / "00000002.jsonl.zst").write_bytes(b"no zstd")
    assert [audit_id for audit_id in found(tmp_path, Search()) if audit_id in ids] == [ids[0], *ids[2:]]


def test_an_exchange_that_took_hours_is_found_by_when_it_began(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment(at=moment(0, START))
    writer.append(began(name(1, START), when=START))
    writer.segment(at=moment(0, START + timedelta(hours=20)))
    writer.append(ended(name(1, START), when=START))
    writer.segment(at=moment(0, START + timedelta(hours=21)))
    assert found(tmp_path, Search(since=START, until=START + timedelta(hours=1))) == [name(1, START)]
    assert (find_record(tmp_path / "journal", name(1, START)) or b"").startswith(b'{"event":"ended"')
