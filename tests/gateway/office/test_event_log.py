"""The office's part of the journal: events of any thread, kept when the append returns."""

import threading
from pathlib import Path

import pytest

from gateway.office.event_log import EventLog
from storage.journal_error import JournalError
from storage.verify import verify
from tests.builders.journals import lines_in, numbers_in


def ended(number: int) -> bytes:
    return b'{"event":"ended","n":%d}' % number


def test_without_an_event_there_is_no_segment(tmp_path: Path) -> None:
    EventLog(tmp_path, "flush").close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("durability", ["async", "flush", "fsync"])
def test_an_event_stands_sealed_in_the_journal_when_it_was_appended(tmp_path: Path, durability: str) -> None:
    log = EventLog(tmp_path, durability)  # type: ignore[arg-type]
    log.append(b'{"event":"logged","audit_id":"run-00001"}')
    assert [line["event"] for line in lines_in(tmp_path, "office")] == ["segment", "logged"]
    log.close()
    report = verify(tmp_path)
    assert (report.faults, report.notes, [writer.roots for writer in report.writers]) == ((), (), [1])


def test_many_threads_may_append(tmp_path: Path) -> None:
    log = EventLog(tmp_path, "flush")
    threads = [
        threading.Thread(target=lambda start=start: [log.append(ended(start + each)) for each in range(200)])
        for start in (0, 200, 400)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert sorted(numbers_in(tmp_path, "office")) == list(range(600))
    assert verify(tmp_path).faults == ()


def test_a_journal_that_cannot_be_opened_is_tried_again_with_the_next_event(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("in the way")
    log = EventLog(tmp_path, "flush")
    with pytest.raises(JournalError, match="cannot be opened"):
        log.append(ended(1))
    (tmp_path / "journal").unlink()
    log.append(ended(2))
    assert numbers_in(tmp_path, "office") == [2]
    log.close()


def test_a_key_that_is_damaged_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "journal.ed25519").write_bytes(b"short")
    with pytest.raises(JournalError, match=r"no key to sign with: .* is damaged"):
        EventLog(tmp_path, "flush").append(ended(1))


def test_a_closed_one_takes_nothing(tmp_path: Path) -> None:
    log = EventLog(tmp_path, "flush")
    log.append(ended(1))
    log.close()
    with pytest.raises(JournalError, match="closed"):
        log.append(ended(2))
