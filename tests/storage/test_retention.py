"""Taking old segments away: what may go, what is said before, what is finished after a kill, what a clock cannot do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.journal import Journal, Limits
from storage.packing import pack
from storage.retention import (
    Cut,
    Gone,
    Removed,
    Said,
    cut_of,
    cuts_in,
    held_event,
    may_go_on,
    remove,
    retention_event,
    said_by,
    settle,
    with_cuts,
)
from storage.segments import segments_of
from storage.verify import verify
from tests.builders.journals import ended, opened

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now.timestamp()


def writing(data: Path, writer: str = "worker-0", clock: Clock | None = None, *, signed: bool = True) -> Journal:
    """A journal that begins a segment every day."""
    limits = Limits(segment_seconds=DAY.total_seconds(), root_lines=5)
    return opened(data, writer, limits=limits, clock=clock or Clock(), signed=signed)


def written(data: Path, writer: str = "worker-0", days: int = 10, *, signed: bool = True) -> list[int]:
    """A segment a day, from `START` on, three lines each; gives the numbers of the segments."""
    clock = Clock()
    journal = writing(data, writer, clock, signed=signed)
    for day in range(days):
        clock.now = START + day * DAY
        for line in range(3):
            journal.append_event(ended(10 * day + line))
    journal.close()
    return numbers(data, writer)


def numbers(data: Path, writer: str = "worker-0") -> list[int]:
    return [segment.number for segment in segments_of(data / "journal" / writer)]


def folder(data: Path, writer: str = "worker-0") -> Path:
    return data / "journal" / writer


def said(data: Path, *removed: Removed) -> None:
    """An event of the office that these are gone by right."""
    office = opened(data, "office")
    office.append_event(retention_event(removed, START))
    office.close()


def test_of_a_writer_goes_what_was_written_before_the_limit(tmp_path: Path) -> None:
    written(tmp_path)
    for days in range(1, 10):
        cut = cut_of(folder(tmp_path), START + days * DAY + timedelta(hours=1))
        assert cut == Cut("worker-0", 1, days, START)


def test_nothing_that_is_as_new_as_the_limit_goes(tmp_path: Path) -> None:
    written(tmp_path)
    assert cut_of(folder(tmp_path), START + DAY) is None
    assert cut_of(folder(tmp_path), START - DAY) is None


def test_what_was_written_before_a_long_pause_is_as_old_as_it_says(tmp_path: Path) -> None:
    clock = Clock()
    for day in (0, 100):
        clock.now = START + day * DAY
        journal = writing(tmp_path, clock=clock)
        for number, hours in enumerate((1, 5, 2)):
            at = (clock.now + timedelta(hours=hours)).isoformat()
            journal.append_event(b'{"event":"ended","audit_id":"A-%d","ended":"%b"}' % (number, at.encode()))
        journal.close()
    assert cut_of(folder(tmp_path), START + timedelta(hours=5)) is None
    found = cut_of(folder(tmp_path), START + timedelta(hours=5, seconds=1))
    assert found == Cut("worker-0", 1, 1, START)


@pytest.mark.parametrize("time", ['"at noon"', '"2026-03-01T01:00:00"', "7", "null"])
def test_an_event_that_tells_no_time_may_have_come_just_before_the_next_segment(tmp_path: Path, time: str) -> None:
    clock = Clock()
    for day in (0, 100):
        clock.now = START + day * DAY
        journal = writing(tmp_path, clock=clock)
        journal.append_event(b'{"event":"ended","ended":%b}' % time.encode())
        journal.close()
    assert cut_of(folder(tmp_path), START + 100 * DAY) is None
    assert cut_of(folder(tmp_path), START + 101 * DAY) is not None


def test_the_segment_that_is_written_stays_however_old_it_is(tmp_path: Path) -> None:
    *_, last = written(tmp_path)
    cut = cut_of(folder(tmp_path), START + 1000 * DAY)
    assert cut is not None and cut.through == last - 1


def test_what_no_root_has_covered_stays(tmp_path: Path) -> None:
    clock = Clock()
    found = []
    for day in range(5):
        # Each life ends as a kill ends it, with two lines and no root; the third has written one for all before.
        clock.now = START + day * DAY
        journal = writing(tmp_path, clock=clock)
        journal.append_event(ended(day))
        killed(journal)
        cut = cut_of(folder(tmp_path), START + 1000 * DAY)
        found.append(cut.through if cut is not None else None)
    assert found == [None, None, 2, 3, 3]


def killed(journal: Journal) -> None:
    """Lets a journal go as the end of its process would."""
    journal._claim.release()


def test_without_signatures_there_is_no_checkpoint_and_nothing_goes(tmp_path: Path) -> None:
    written(tmp_path, signed=False)
    assert cut_of(folder(tmp_path), START + 1000 * DAY) is None


def test_a_segment_whose_beginning_cannot_be_read_goes_with_those_behind_it(tmp_path: Path) -> None:
    written(tmp_path)
    segments_of(folder(tmp_path))[1].path.write_bytes(b"nothing\n")
    assert (cut := cut_of(folder(tmp_path), START + 2 * DAY)) is None or cut.through < 2
    cut = cut_of(folder(tmp_path), START + 3 * DAY)
    assert cut is not None and cut.through == 2


def test_every_writer_has_a_limit_of_its_own(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path, "worker-0-bodies")

    def before(writer: str) -> datetime:
        return START + (5 if writer.endswith("-bodies") else 2) * DAY + timedelta(hours=1)

    assert [(cut.writer, cut.through) for cut in cuts_in(tmp_path / "journal", before)] == [
        ("worker-0", 2),
        ("worker-0-bodies", 5),
    ]


def test_what_the_event_names_is_removed_and_the_audit_says_expired(tmp_path: Path) -> None:
    before = written(tmp_path)
    sizes = sum(segment.path.stat().st_size for segment in segments_of(folder(tmp_path))[:4])
    said(tmp_path, Removed("worker-0", 4))
    gone = remove(tmp_path / "journal", said_by(tmp_path / "journal", "office").removed or ())
    assert gone == Gone(4, sizes)
    assert numbers(tmp_path) == before[4:]
    report = verify(tmp_path)
    assert report.faults == ()
    assert [(note.kind, note.segment) for note in report.notes] == [("expired", 4)]


def test_the_rest_of_the_journal_keeps_its_bytes(tmp_path: Path) -> None:
    written(tmp_path)
    before = {segment.number: segment.path.read_bytes() for segment in segments_of(folder(tmp_path))}
    remove(tmp_path / "journal", [Removed("worker-0", 4)])
    assert {segment.number: segment.path.read_bytes() for segment in segments_of(folder(tmp_path))} == {
        number: text for number, text in before.items() if number > 4
    }


def test_a_packed_segment_goes_with_all_its_files(tmp_path: Path) -> None:
    written(tmp_path)
    first = segments_of(folder(tmp_path))[0]
    plain = first.path.read_bytes()
    pack(first)
    # A kill left the plain one beside it, and the beginning of another try.
    first.path.write_bytes(plain)
    (folder(tmp_path) / "00000001.jsonl.zst.new").write_bytes(b"half")
    assert remove(tmp_path / "journal", [Removed("worker-0", 1)]).segments == 1
    assert list(folder(tmp_path).glob("00000001*")) == []


def test_the_last_segment_stays_whatever_an_event_says(tmp_path: Path) -> None:
    *_, last = written(tmp_path)
    remove(tmp_path / "journal", [Removed("worker-0", 1000), Removed("nobody", 7)])
    assert numbers(tmp_path) == [last]


def test_a_writer_goes_on_behind_what_is_left(tmp_path: Path) -> None:
    *_, last = written(tmp_path)
    said(tmp_path, Removed("worker-0", last - 1))
    remove(tmp_path / "journal", [Removed("worker-0", last - 1)])
    journal = writing(tmp_path)
    journal.append_event(ended(1000))
    journal.close()
    assert numbers(tmp_path) == [last, last + 1]
    assert verify(tmp_path).faults == ()


@pytest.mark.parametrize("kept", range(5))
def test_a_removal_that_was_cut_short_leaves_a_whole_audit_and_is_finished_later(tmp_path: Path, kept: int) -> None:
    written(tmp_path)
    said(tmp_path, Removed("worker-0", 4))
    for number in range(1, 5 - kept):
        (folder(tmp_path) / f"{number:08d}.jsonl").unlink()
    assert verify(tmp_path).faults == ()
    gone = remove(tmp_path / "journal", said_by(tmp_path / "journal", "office").removed or ())
    assert gone.segments == kept
    assert numbers(tmp_path)[0] == 5 and verify(tmp_path).faults == ()


def test_what_was_removed_is_added_up_and_what_was_missing_is_not_made_right(tmp_path: Path) -> None:
    was = (Removed("office", 2), Removed("worker-0", 4))
    cuts = [Cut("worker-0", 5, 6, START), Cut("worker-1", 3, 3, START)]
    assert with_cuts(was, cuts) == (Removed("office", 2), Removed("worker-0", 6), Removed("worker-1", 3, missing=2))
    again = with_cuts(with_cuts(was, cuts), [Cut("worker-1", 4, 9, START)])
    assert again[-1] == Removed("worker-1", 9, missing=2)


def test_a_removal_that_is_not_finished_does_not_count_as_missing() -> None:
    assert with_cuts([Removed("worker-0", 4)], [Cut("worker-0", 3, 6, START)]) == (Removed("worker-0", 6),)


def test_the_last_event_says_it_all_wherever_it_stands(tmp_path: Path) -> None:
    assert said_by(tmp_path / "journal", "office") == Said((), None)
    said(tmp_path, Removed("worker-0", 1))
    said(tmp_path, Removed("worker-0", 2), Removed("worker-1", 1))
    writing(tmp_path, "office").close()
    assert said_by(tmp_path / "journal", "office").removed == (Removed("worker-0", 2), Removed("worker-1", 1))


def test_a_removal_is_held_until_the_next_one_is_made(tmp_path: Path) -> None:
    office = opened(tmp_path, "office")
    office.append_event(held_event(START, 30 * DAY))
    assert said_by(tmp_path / "journal", "office").held == START
    office.append_event(retention_event([], START))
    assert said_by(tmp_path / "journal", "office").held is None
    office.close()


def test_an_event_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    office = opened(tmp_path, "office")
    office.append_event(retention_event([Removed("worker-0", 1)], START))
    office.append_event(b'{"event":"retention","removed":7}')
    office.append_event(b'{"event":"retention_held","at":"noon"}')
    office.close()
    assert said_by(tmp_path / "journal", "office").removed == (Removed("worker-0", 1),)


@pytest.mark.parametrize(
    ("days", "held", "goes_on"),
    [
        (1, None, True),
        (3, None, True),
        (4, None, False),
        (365, None, False),
        (365, timedelta(minutes=1), False),
        (365, timedelta(hours=22), False),
        (365, timedelta(hours=24), True),
        (365, timedelta(days=30), True),
        (365, timedelta(days=200), False),
        (365, timedelta(days=-364), False),
    ],
)
def test_much_at_once_goes_at_the_second_look_a_day_later(days: int, held: timedelta | None, goes_on: bool) -> None:
    now = START + 1000 * DAY
    said = Said((), now - held if held is not None else None)
    assert may_go_on(said, now, days * DAY) is goes_on


def test_what_was_said_last_can_be_made_to_reach_the_disk(tmp_path: Path) -> None:
    said(tmp_path, Removed("worker-0", 1))
    settle(tmp_path / "journal", "office")
    with pytest.raises(FileNotFoundError):
        settle(tmp_path / "journal", "nobody")
