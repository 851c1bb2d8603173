"""Whatever is done to a journal after it was written is found and named, and what a kill leaves is no fault."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.chain_events import Head
from storage.packing import pack
from storage.report import Fault, Report
from storage.seal import encoded, seal_of, sealed_line, taken_apart
from storage.segments import segments
from storage.signing import signer_in, verifier_in
from storage.verify import verify
from tests.builders.journals import SMALL, audit_id, ended, opened

Lines = list[bytes]


def written(data: Path, *, signed: bool = True) -> Path:
    """Three segments of a header, ten events and roots behind every fourth line; the folder of the writer.

    Line 1 of a segment is its header, 5, 10 are roots, 14 is the root of the close; `ended(10 * segment + n)`.
    """
    for segment in (1, 2, 3):
        journal = opened(data, limits=SMALL, signed=signed)
        for number in range(10):
            journal.append_event(ended(10 * segment + number))
        journal.close()
    return data / "journal" / "worker-0"


def change(folder: Path, segment: int, edit: Callable[[Lines], object]) -> None:
    """Rewrites a segment line by line."""
    path = folder / f"{segment:08d}.jsonl"
    lines = path.read_bytes().splitlines()
    edit(lines)
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def found(report: Report) -> list[tuple[str, int, int | None]]:
    return [(fault.kind, fault.segment, fault.line) for fault in report.faults]


def resealed(lines: Lines, first: int) -> None:
    """Seals all lines from an index on anew, as someone would who knows how."""
    for index in range(first, len(lines)):
        before, here = taken_apart(lines[index - 1]), taken_apart(lines[index])
        assert before is not None
        assert here is not None
        lines[index] = sealed_line(here.body, seal_of(before.seal, here.body))


def test_a_journal_that_nobody_touched_has_no_faults(tmp_path: Path) -> None:
    written(tmp_path)
    report = verify(tmp_path)
    assert (report.faults, report.notes) == ((), ())
    assert [(walked.segments, walked.lines, walked.roots, walked.unrooted) for walked in report.writers] == [
        (3, 42, 9, 0)
    ]
    assert report.bytes == sum(path.stat().st_size for path in (tmp_path / "journal").rglob("*.jsonl"))
    assert report.lines == 42


def test_an_empty_folder_has_nothing_to_verify(tmp_path: Path) -> None:
    assert verify(tmp_path) == Report((), (), (), (), 0)


def test_a_journal_that_is_being_written_has_no_faults(tmp_path: Path) -> None:
    journal = opened(tmp_path, limits=SMALL)
    for number in range(6):
        journal.append_event(ended(number))
        report = verify(tmp_path)
        assert (report.faults, report.notes) == ((), ())
    assert report.writers[0].unrooted == 3


def test_packed_segments_are_verified_like_plain_ones(tmp_path: Path) -> None:
    written(tmp_path)
    plain = verify(tmp_path)
    for segment in segments(tmp_path / "journal"):
        if segment.closed:
            pack(segment)
    assert verify(tmp_path) == plain


@pytest.mark.parametrize("line", [2, 4, 6, 8, 13])
def test_a_changed_line_is_named_with_its_exchange(tmp_path: Path, line: int) -> None:
    folder = written(tmp_path)
    change(folder, 2, lambda lines: lines.__setitem__(line - 1, lines[line - 1].replace(b'"n":', b'"n":7')))
    faults = verify(tmp_path).faults
    assert [(fault.kind, fault.segment, fault.line) for fault in faults] == [("changed", 2, line)]
    assert faults[0].audit_id is not None
    assert faults[0].says == "is not what was written"


def test_a_changed_seal_is_told_from_a_changed_line(tmp_path: Path) -> None:
    folder = written(tmp_path)
    change(folder, 2, lambda lines: lines.__setitem__(6, lines[6][:-10] + b"AAAAAAAA" + lines[6][-2:]))
    report = verify(tmp_path)
    assert found(report) == [("changed", 2, 7)]
    assert report.faults[0].says == "has another seal than it was written with"


@pytest.mark.parametrize("line", [1, 5, 10, 14])
def test_a_changed_header_or_root_is_named(tmp_path: Path, line: int) -> None:
    folder = written(tmp_path)
    change(folder, 2, lambda lines: lines.__setitem__(line - 1, lines[line - 1].replace(b':"', b':"X', 1)))
    assert ("changed", 2, line) in found(verify(tmp_path))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_dropped_lines_are_named_where_they_stood(tmp_path: Path, count: int) -> None:
    folder = written(tmp_path)
    change(folder, 2, lambda lines: lines.__delitem__(slice(6, 6 + count)))
    report = verify(tmp_path)
    assert found(report) == [("dropped", 2, 7)]
    assert f"{count} line" in report.faults[0].says
    assert report.faults[0].audit_id is None


def test_lines_dropped_at_two_places_are_both_named(tmp_path: Path) -> None:
    folder = written(tmp_path)
    change(folder, 2, lambda lines: (lines.pop(8), lines.pop(6)))
    assert found(verify(tmp_path)) == [("dropped", 2, 7), ("dropped", 2, 8)]


def test_a_root_that_was_dropped_is_missed(tmp_path: Path) -> None:
    folder = written(tmp_path)
    change(folder, 2, lambda lines: lines.pop(4))
    assert found(verify(tmp_path)) == [("dropped", 2, 5)]


@pytest.mark.parametrize("line", [7, 8, 12])
def test_an_inserted_line_is_named(tmp_path: Path, line: int) -> None:
    folder = written(tmp_path)
    change(folder, 2, lambda lines: lines.insert(line - 1, sealed_line(ended(99)[:-1], bytes(32))))
    report = verify(tmp_path)
    assert found(report) == [("inserted", 2, line)]
    assert report.faults[0].audit_id == audit_id(99)


def test_lines_that_were_sealed_to_fit_and_inserted_are_named(tmp_path: Path) -> None:
    folder = written(tmp_path)

    def insert(lines: Lines) -> None:
        lines[6:6] = [sealed_line(ended(98)[:-1], bytes(32)), sealed_line(ended(99)[:-1], bytes(32))]
        original = lines[8:]
        resealed(lines, 6)
        lines[8:] = original

    change(folder, 2, insert)
    report = verify(tmp_path)
    assert found(report) == [("inserted", 2, 7)]
    assert "2 lines" in report.faults[0].says


def test_a_line_of_garbage_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path)
    change(folder, 2, lambda lines: lines.insert(6, b"garbage"))
    assert found(verify(tmp_path)) == [("inserted", 2, 7)]


def test_a_line_that_was_written_twice_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path)
    change(folder, 2, lambda lines: lines.insert(6, lines[6]))
    assert found(verify(tmp_path)) == [("inserted", 2, 8)]


def test_a_line_of_elsewhere_that_was_put_in_a_second_time_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path)
    change(folder, 2, lambda lines: lines.insert(11, lines[1]))
    assert found(verify(tmp_path)) == [("inserted", 2, 12)]


@pytest.mark.parametrize(("first", "second"), [(7, 8), (2, 3), (3, 9), (12, 13)])
def test_lines_that_changed_places_are_named(tmp_path: Path, first: int, second: int) -> None:
    folder = written(tmp_path)

    def swap(lines: Lines) -> None:
        lines[first - 1], lines[second - 1] = lines[second - 1], lines[first - 1]

    change(folder, 2, swap)
    faults = verify(tmp_path).faults
    assert {fault.kind for fault in faults} == {"reordered"}
    assert any(fault.line in (first, second) for fault in faults)


def test_lines_that_changed_places_over_a_distance_are_both_named_and_no_other(tmp_path: Path) -> None:
    folder = written(tmp_path)

    def swap(lines: Lines) -> None:
        lines[2], lines[10] = lines[10], lines[2]

    change(folder, 2, swap)
    assert [(fault.kind, fault.line, fault.audit_id) for fault in verify(tmp_path).faults] == [
        ("reordered", 3, audit_id(27)),
        ("reordered", 11, audit_id(21)),
    ]


def test_lines_that_were_moved_together_are_one_fault(tmp_path: Path) -> None:
    folder = written(tmp_path)

    def move(lines: Lines) -> None:
        lines[10:10] = [lines.pop(1), lines.pop(1)]

    change(folder, 2, move)
    (fault,) = verify(tmp_path).faults
    assert (fault.kind, fault.line, fault.audit_id) == ("reordered", 11, audit_id(20))
    assert fault.says == "was written elsewhere, and the 1 line behind it"


@pytest.mark.parametrize("dropped", ["began", "ended"])
def test_a_line_that_was_dropped_is_named_by_the_other_one_of_its_exchange(tmp_path: Path, dropped: str) -> None:
    journal = opened(tmp_path)
    for number in range(6):
        journal.append_event(b'{"event":"began","audit_id":"%s"}' % audit_id(number).encode())
        sent = b'{"event":"ended","audit_id":"%s","attempts":[{"status":200}]}'
        journal.append_event(sent % audit_id(number).encode())
    journal.close()
    line = 1 + 2 * 3 + (dropped == "ended")
    change(journal.path.parent, 1, lambda lines: lines.pop(line))
    (fault,) = verify(tmp_path).faults
    assert (fault.kind, fault.line, fault.audit_id) == ("dropped", line + 1, audit_id(3))


def test_a_line_that_was_moved_far_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path)
    change(folder, 2, lambda lines: lines.insert(1, lines.pop(12)))
    assert found(verify(tmp_path)) == [("reordered", 2, 2)]


def test_a_segment_that_is_gone_is_missing(tmp_path: Path) -> None:
    (written(tmp_path) / "00000002.jsonl").unlink()
    report = verify(tmp_path)
    assert found(report) == [("missing", 2, None)]
    assert report.faults[0].says == "segment 2 is missing"


def test_segments_that_are_gone_at_the_beginning_are_missing(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "00000001.jsonl").unlink()
    (folder / "00000002.jsonl").unlink()
    report = verify(tmp_path)
    assert found(report) == [("missing", 1, None)]
    assert report.faults[0].says == "segments 1 to 2 are missing"


def test_segments_that_the_retention_took_away_are_expired_and_not_missing(tmp_path: Path) -> None:
    folder = written(tmp_path)
    office = opened(tmp_path, "office")
    office.append_event(b'{"event":"retention","removed":[{"writer":"worker-0","through":1}]}')
    office.close()
    (folder / "00000001.jsonl").unlink()
    report = verify(tmp_path)
    assert report.faults == ()
    assert [(note.kind, note.writer, note.segment) for note in report.notes] == [("expired", "worker-0", 1)]
    (folder / "00000002.jsonl").unlink()
    assert found(verify(tmp_path)) == [("missing", 2, None)]


def test_segments_that_were_missing_before_the_retention_came_to_them_stay_a_fault(tmp_path: Path) -> None:
    folder = written(tmp_path)
    office = opened(tmp_path, "office")
    said = b'{"event":"retention","removed":[{"writer":"worker-0","through":2,"missing":1}]}'
    office.append_event(said)
    office.append_event(said)
    office.close()
    (folder / "00000001.jsonl").unlink()
    (folder / "00000002.jsonl").unlink()
    (fault,) = verify(tmp_path).faults
    assert (fault.kind, fault.writer, "1 were missing" in fault.says) == ("missing", "worker-0", True)


def test_a_last_segment_that_is_gone_is_missed_by_the_last_root(tmp_path: Path) -> None:
    (written(tmp_path) / "00000003.jsonl").unlink()
    report = verify(tmp_path)
    assert found(report) == [("truncated", 2, None)]
    assert "ends before the root over the lines" in report.faults[0].says


@pytest.mark.parametrize("kept", range(1, 14))
def test_an_end_that_was_cut_off_is_missed_by_the_last_root(tmp_path: Path, kept: int) -> None:
    change(written(tmp_path), 3, lambda lines: lines.__delitem__(slice(kept, None)))
    assert ("truncated", 3, None) in found(verify(tmp_path))


@pytest.mark.parametrize("kept", range(1, 14))
def test_an_end_that_was_cut_off_before_another_segment_is_named(tmp_path: Path, kept: int) -> None:
    change(written(tmp_path), 2, lambda lines: lines.__delitem__(slice(kept, None)))
    report = verify(tmp_path)
    assert found(report) == [("truncated", 2, None)]
    gone = 14 - kept
    assert report.faults[0].says.endswith(f"; {gone} lines are gone" if gone > 1 else "; 1 line is gone")


def test_an_end_that_was_lost_before_the_next_start_stays_known(tmp_path: Path) -> None:
    change(written(tmp_path), 3, lambda lines: lines.__delitem__(slice(7, None)))
    journal = opened(tmp_path, limits=SMALL)
    for number in range(50, 90):
        journal.append_event(ended(number))
    journal.close()
    report = verify(tmp_path)
    assert found(report) == [("truncated", 4, 1)]
    assert "7 lines were gone" in report.faults[0].says


def test_lines_that_were_added_to_a_closed_segment_are_named(tmp_path: Path) -> None:
    def add(lines: Lines) -> None:
        lines.append(sealed_line(ended(99)[:-1], bytes(32)))
        resealed(lines, 14)

    change(written(tmp_path), 2, add)
    assert [fault.kind for fault in verify(tmp_path).faults] == ["inserted"]


def test_a_segment_under_the_name_of_another_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "00000003.jsonl").rename(folder / "x")
    (folder / "00000002.jsonl").rename(folder / "00000003.jsonl")
    (folder / "x").rename(folder / "00000002.jsonl")
    assert {("misplaced", 2, 1), ("misplaced", 3, 1)} <= set(found(verify(tmp_path)))


def test_a_segment_of_another_writer_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path)
    other = opened(tmp_path, "worker-1")
    other.close()
    (folder / "00000004.jsonl").write_bytes(other.path.read_bytes())
    assert ("misplaced", 4, 1) in found(verify(tmp_path))


def test_lines_that_were_changed_and_sealed_anew_are_not_under_a_signed_root(tmp_path: Path) -> None:
    folder = written(tmp_path)

    def forge(lines: Lines) -> None:
        lines[6] = lines[6].replace(b'"n":', b'"n":7')
        resealed(lines, 6)

    change(folder, 3, forge)
    assert ("root", 3, 10) in found(verify(tmp_path))


def test_a_root_that_was_written_anew_has_no_right_signature(tmp_path: Path) -> None:
    folder = written(tmp_path / "real")
    forger = written(tmp_path / "forged")
    for path in forger.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    report = verify(tmp_path / "real")
    assert {fault.kind for fault in report.faults} == {"signature"}
    assert len(report.faults) == 9
    assert verify(tmp_path / "real", verifier=verifier_in(tmp_path / "forged")).faults == ()


def test_a_root_without_a_signature_is_a_fault_where_there_is_a_key(tmp_path: Path) -> None:
    written(tmp_path, signed=False)
    report = verify(tmp_path)
    assert (report.faults, [note.kind for note in report.notes]) == ((), ["unsigned"])
    signer_in(tmp_path)
    report = verify(tmp_path)
    assert [fault.kind for fault in report.faults] == ["signature"] * 9
    assert "is not signed" in report.faults[0].says


def test_a_journal_that_was_written_anew_as_a_whole_is_found_by_an_earlier_head(tmp_path: Path) -> None:
    written(tmp_path / "real")
    heads = verify(tmp_path / "real").heads
    assert verify(tmp_path / "real", known=heads).faults == ()
    opened(tmp_path / "real").close()
    assert verify(tmp_path / "real", known=heads).faults == ()
    journal = opened(tmp_path / "forged")
    for number in range(60):
        journal.append_event(ended(number))
    journal.close()
    report = verify(tmp_path / "forged", known=heads)
    assert [(fault.kind, fault.says) for fault in report.faults] == [
        ("truncated", "has another line in the place of line 41 of the chain, which is known")
    ]


def test_a_writer_that_is_gone_is_found_by_an_earlier_head(tmp_path: Path) -> None:
    folder = written(tmp_path)
    heads = verify(tmp_path).heads
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert found(verify(tmp_path)) == []
    assert found(verify(tmp_path, known=heads)) == [("truncated", 0, None)]


def test_a_root_that_does_not_name_the_one_before_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path, signed=False)

    def forge(lines: Lines) -> None:
        lines[9] = lines[9].replace(b'"previous":"', b'"previous":"X')
        resealed(lines, 9)

    change(folder, 3, forge)
    assert found(verify(tmp_path))[0] == ("root", 3, 10)
    assert verify(tmp_path).faults[0].says == "does not name the root before it"


def test_an_unsigned_end_that_was_sealed_anew_is_not_what_is_remembered(tmp_path: Path) -> None:
    folder = written(tmp_path, signed=False)
    change(folder, 3, lambda lines: resealed(lines, 13))
    assert verify(tmp_path).faults == ()

    def forge(lines: Lines) -> None:
        lines[13] = lines[13].replace(b'"signature":null', b'"signature":null ')
        resealed(lines, 13)

    change(folder, 3, forge)
    report = verify(tmp_path)
    assert found(report) == [("root", 3, 14)]
    assert report.faults[0].says == "is not the root that was remembered as the last"


@pytest.mark.parametrize("line", [1, 4, 7, 13])
def test_a_changed_newline_is_named_behind_its_line(tmp_path: Path, line: int) -> None:
    path = written(tmp_path) / "00000002.jsonl"
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join(lines[:line]) + b"\r" + b"\n".join(lines[line:]) + b"\n")
    report = verify(tmp_path)
    assert found(report) == [("changed", 2, line)]
    assert "newline" in report.faults[0].says


def test_the_changed_newline_of_a_line_that_was_killed_behind_is_named(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_event(ended(1))
    journal.path.write_bytes(journal.path.read_bytes()[:-1] + b"\r")
    assert found(verify(tmp_path)) == [("changed", 1, 2)]


def test_a_torn_end_is_noted_and_no_fault(tmp_path: Path) -> None:
    folder = written(tmp_path)
    with (folder / "00000003.jsonl").open("ab") as file:
        file.write(b'{"event":"end')
    report = verify(tmp_path)
    assert report.faults == ()
    assert [(note.kind, note.segment) for note in report.notes] == [("torn", 3)]


def test_a_packed_segment_that_cannot_be_unpacked_is_named(tmp_path: Path) -> None:
    written(tmp_path)
    packed = pack(segments(tmp_path / "journal")[1])
    text = bytearray(packed.path.read_bytes())
    text[len(text) // 2] ^= 1
    packed.path.write_bytes(text)
    report = verify(tmp_path)
    assert [(fault.kind, fault.segment) for fault in report.faults] == [("unreadable", 2)]


@pytest.mark.parametrize("left", [b"nonsense", b"", None], ids=["nonsense", "nothing", "no file"])
def test_a_last_root_that_is_gone_beside_roots_is_a_fault(tmp_path: Path, left: bytes | None) -> None:
    remembered = written(tmp_path) / "last_root"
    if left is None:
        remembered.unlink()
    else:
        remembered.write_bytes(left)
    assert found(verify(tmp_path)) == [("missing" if left is None else "unreadable", 3, None)]


def test_a_start_that_found_no_last_root_beside_roots_stays_known(tmp_path: Path) -> None:
    folder = written(tmp_path)
    change(folder, 3, lambda lines: lines.__delitem__(slice(7, None)))
    (folder / "last_root").unlink()
    opened(tmp_path).close()
    assert found(verify(tmp_path)) == [("truncated", 4, 1)]


def beside(data: Path, *others: str) -> None:
    """Other writers, each with a root behind that of the one before."""
    for writer in others:
        journal = opened(data, writer)
        journal.append_event(ended(1))
        journal.close()


def test_writers_that_name_each_other_are_no_fault_while_they_write(tmp_path: Path) -> None:
    journals = [opened(tmp_path, f"worker-{number}", limits=SMALL) for number in range(3)]
    for number in range(40):
        journals[number % 3].append_event(ended(number))
    assert verify(tmp_path).faults == ()
    for journal in journals:
        journal.close()
    assert (verify(tmp_path).faults, verify(tmp_path).notes) == ((), ())


def test_a_writer_that_is_gone_as_a_whole_is_named_by_another_one(tmp_path: Path) -> None:
    folder = written(tmp_path)
    beside(tmp_path, "worker-1")
    shutil.rmtree(folder)
    (fault,) = verify(tmp_path).faults
    assert (fault.kind, fault.writer, fault.segment) == ("missing", "worker-0", 0)
    assert fault.says == "is gone as a whole: it had 42 lines, which worker-1 names in segment 1"


def test_a_writer_whose_files_alone_are_gone_is_named_too(tmp_path: Path) -> None:
    folder = written(tmp_path)
    beside(tmp_path, "worker-1")
    for path in folder.iterdir():
        path.unlink()
    assert [(fault.kind, fault.writer) for fault in verify(tmp_path).faults] == [("truncated", "worker-0")]


def test_an_end_that_was_cut_off_with_its_last_root_is_missed_by_another_writer(tmp_path: Path) -> None:
    folder = written(tmp_path)
    beside(tmp_path, "worker-1")
    change(folder, 3, lambda lines: lines.__delitem__(slice(10, None)))
    root = (folder / "00000003.jsonl").read_bytes().splitlines()[9]
    assert root.startswith(b'{"event":"root"')
    (folder / "last_root").write_bytes(root + b"\n")
    (fault,) = verify(tmp_path).faults
    assert (fault.kind, fault.writer, fault.segment) == ("truncated", "worker-0", 3)
    assert fault.says == "ends before line 41 of the chain, which worker-1 names in segment 1"
    journal = opened(tmp_path, limits=SMALL)
    for number in range(10):
        journal.append_event(ended(number))
    (fault,) = verify(tmp_path).faults
    assert fault.says == "has another line in the place of line 41 of the chain, which worker-1 names in segment 1"


def test_what_the_retention_took_away_is_not_missed_by_another_writer(tmp_path: Path) -> None:
    folder = written(tmp_path)
    beside(tmp_path, "worker-1")
    opened(tmp_path).close()
    office = opened(tmp_path, "office")
    office.append_event(b'{"event":"retention","removed":[{"writer":"worker-0","through":3}]}')
    office.close()
    for number in (1, 2, 3):
        (folder / f"{number:08d}.jsonl").unlink()
    assert verify(tmp_path).faults == ()
    assert verify(tmp_path, known=[Head("worker-0", 12, "A" * 43)]).faults == ()


def test_one_thing_that_was_done_is_not_told_twice_because_another_writer_knows_of_it(tmp_path: Path) -> None:
    folder = written(tmp_path)
    beside(tmp_path, "worker-1")
    change(folder, 3, lambda lines: lines.pop(6))
    assert found(verify(tmp_path)) == [("dropped", 3, 7)]


def test_a_retention_event_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_event(b'{"event":"retention","removed":7}')
    journal.close()
    assert [note.kind for note in verify(tmp_path).notes] == ["unreadable"]


def test_more_breaks_than_can_be_explained_are_all_named(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for number in range(400):
        journal.append_event(ended(number))
    journal.close()
    change(journal.path.parent, 1, lambda lines: lines.__setitem__(slice(1, 401), [b"x" * 80] * 400))
    assert set(found(verify(tmp_path))) >= {("changed", 1, line) for line in range(2, 402)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    written(folder)
    return folder


def _line_at(text: bytes, place: int) -> int:
    return text.count(b"\n", 0, place) + 1


def _near(faults: tuple[Fault, ...], segment: int, line: int, last: int) -> bool:
    """A changed header may be told as the end of the segment before, and a changed end by the next segment."""
    return any(
        (fault.segment == segment and (fault.line is None or abs(fault.line - line) <= 1))
        or (line == 1 and fault.segment == segment - 1)
        or (line == last and fault.segment == segment + 1)
        for fault in faults
    )


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([1, 2, 3]), st.integers(0, 10_000), st.integers(1, 255))
def test_one_flipped_byte_anywhere_is_found_and_named(whole: Path, segment: int, place: int, mask: int) -> None:
    path = whole / "journal" / "worker-0" / f"{segment:08d}.jsonl"
    text = path.read_bytes()
    place %= len(text)
    changed = bytearray(text)
    changed[place] ^= mask
    path.write_bytes(changed)
    try:
        faults = verify(whole).faults
    finally:
        path.write_bytes(text)
    assert faults
    assert _near(faults, segment, _line_at(text, place), text.count(b"\n"))


EDITS = st.lists(
    st.tuples(st.sampled_from(["change", "drop", "copy", "swap", "garbage"]), st.integers(0, 13), st.integers(0, 13)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([1, 2, 3]), EDITS)
def test_nothing_that_is_done_to_the_lines_goes_unseen(
    whole: Path, segment: int, edits: list[tuple[str, int, int]]
) -> None:
    path = whole / "journal" / "worker-0" / f"{segment:08d}.jsonl"
    text = path.read_bytes()
    lines = text.splitlines()
    for kind, one, other in edits:
        one, other = one % len(lines), other % len(lines)
        if kind == "change":
            lines[one] = lines[one].replace(b":", b": ", 1)
        elif kind == "drop" and len(lines) > 1:
            del lines[one]
        elif kind == "copy":
            lines.insert(one, lines[other])
        elif kind == "swap":
            lines[one], lines[other] = lines[other], lines[one]
        elif kind == "garbage":
            lines.insert(one, b'{"event":"ended"}')
    changed = b"".join(line + b"\n" for line in lines)
    path.write_bytes(changed)
    try:
        report = verify(whole)
    finally:
        path.write_bytes(text)
    assert (report.faults == ()) is (changed == text)


def test_the_head_is_the_last_seal(tmp_path: Path) -> None:
    folder = written(tmp_path)
    last = taken_apart((folder / "00000003.jsonl").read_bytes().splitlines()[-1])
    assert last is not None
    assert [(head.writer, head.lines, head.seal) for head in verify(tmp_path).heads] == [
        ("worker-0", 42, encoded(last.seal).decode())
    ]
