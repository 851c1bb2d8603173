"""Tombstones are found in the office's journal, from a segment on, plain and packed."""

from datetime import UTC, datetime
from pathlib import Path

from storage.packing import pack
from storage.segments import segments
from storage.tombstones import OFFICE, Tombstone, tombstone_event, tombstone_of, tombstones_from
from tests.builders.journals import opened

AT = datetime(2026, 3, 5, 12, tzinfo=UTC)


def erased(number: int) -> Tombstone:
    return Tombstone(AT, f"p-{number:020x}", "operator", "asked by letter")


def test_a_line_is_read_back(tmp_path: Path) -> None:
    event = tombstone_event(erased(1))
    assert tombstone_of(event) == erased(1)
    assert tombstone_of(event[:-1] + b',"seal":"x"}') == erased(1)


def test_other_lines_are_none() -> None:
    assert tombstone_of(b'{"event":"ended"}') is None
    assert tombstone_of(b'{"event":"tombstone","at":7}') is None


def test_those_from_a_segment_on_are_found(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        journal = opened(tmp_path, OFFICE)
        journal.append_event(tombstone_event(erased(number)))
        journal.append_event(b'{"event":"logged","audit_id":"run-00001"}')
        journal.close()
    first = segments(tmp_path / "journal")[0]
    pack(first)
    heeded = tombstones_from(tmp_path / "journal", 0)
    assert heeded.tombstones == [erased(1), erased(2), erased(3)]
    assert heeded.through == 3
    assert tombstones_from(tmp_path / "journal", 3).tombstones == [erased(3)]


def test_a_journal_that_ends_before_that_segment_is_another_one_and_read_whole(tmp_path: Path) -> None:
    journal = opened(tmp_path, OFFICE)
    journal.append_event(tombstone_event(erased(1)))
    journal.close()
    assert tombstones_from(tmp_path / "journal", 7).tombstones == [erased(1)]


def test_without_a_journal_there_are_none(tmp_path: Path) -> None:
    assert tombstones_from(tmp_path / "journal", 0) == ([], 0)
