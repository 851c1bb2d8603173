"""Segments are found by their names, and their whole lines are read, plain or packed, cut wherever they may be."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.packing import pack
from storage.segments import Line, Segment, SegmentError, SegmentReader, is_writer, segments, writers

LINES = st.lists(st.binary(max_size=20).map(lambda text: text.replace(b"\n", b"")), max_size=8)


def placed(journal: Path, writer: str, name: str, text: bytes = b"") -> Path:
    path = journal / writer / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return path


def segment(folder: Path, text: bytes) -> Segment:
    return Segment("worker-0", 1, placed(folder, "worker-0", "00000001.jsonl", text), True)


def test_the_segments_of_all_writers_are_found_in_their_order(tmp_path: Path) -> None:
    for name in ("00000010.jsonl", "00000002.jsonl", "00000009.jsonl.zst"):
        placed(tmp_path, "worker-1", name)
    placed(tmp_path, "office", "00000001.jsonl")
    found = [(each.writer, each.number, each.packed, each.closed) for each in segments(tmp_path)]
    assert found == [
        ("office", 1, False, False),
        ("worker-1", 2, False, True),
        ("worker-1", 9, True, True),
        ("worker-1", 10, False, False),
    ]


def test_what_is_no_segment_is_passed_over(tmp_path: Path) -> None:
    placed(tmp_path, "worker-0", "00000001.jsonl")
    for name in ("last_root", "1.jsonl", "00000001.jsonl.zst.new", "00000002.json"):
        placed(tmp_path, "worker-0", name)
    (tmp_path / "worker-0.jsonl").write_bytes(b"{}\n")
    placed(tmp_path, ".hidden", "00000001.jsonl")
    assert [(each.writer, each.number) for each in segments(tmp_path)] == [("worker-0", 1)]


def test_where_packing_was_cut_short_the_plain_segment_counts(tmp_path: Path) -> None:
    placed(tmp_path, "worker-0", "00000001.jsonl.zst", b"half")
    plain = placed(tmp_path, "worker-0", "00000001.jsonl", b"{}\n")
    assert [each.path for each in segments(tmp_path)] == [plain]


def test_a_journal_that_is_not_there_has_no_writers(tmp_path: Path) -> None:
    assert writers(tmp_path / "journal") == []


@pytest.mark.parametrize(
    ("name", "may"), [("worker-0", True), ("a", True), ("../a", False), ("", False), (".a", False)]
)
def test_a_writer_has_the_name_of_a_folder(name: str, may: bool) -> None:
    assert is_writer(name) is may


@given(LINES, st.binary(max_size=20).map(lambda text: text.replace(b"\n", b"")), st.booleans())
def test_whole_lines_are_read_and_the_torn_one_is_told(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], torn: bytes, packed: bool
) -> None:
    made = segment(tmp_path_factory.mktemp("journal"), b"".join(line + b"\n" for line in lines) + torn)
    reader = SegmentReader(pack(made) if packed else made)
    read = list(reader)
    assert [line.text for line in read] == lines
    assert reader.torn == torn
    assert reader.end == sum(len(line) + 1 for line in lines)
    for line in read:
        assert list(SegmentReader(made, line.offset)) == read[read.index(line) :]


def test_a_line_that_is_longer_than_one_read_is_whole(tmp_path: Path) -> None:
    long = b"x" * 600_000
    assert list(SegmentReader(segment(tmp_path, long + b"\n" + b"y\n"))) == [Line(0, long), Line(600_001, b"y")]


def test_reading_goes_on_from_an_offset_in_a_packed_segment(tmp_path: Path) -> None:
    text = b"".join(b"%06d\n" % number for number in range(100_000))
    packed = pack(segment(tmp_path, text))
    assert next(iter(SegmentReader(packed, 7 * 70_000))) == Line(490_000, b"070000")
    assert list(SegmentReader(packed, len(text))) == []


def test_a_segment_that_was_packed_since_it_was_listed_is_read_all_the_same(tmp_path: Path) -> None:
    listed = segment(tmp_path, b"a\nb\n")
    pack(listed)
    assert [line.text for line in SegmentReader(listed)] == [b"a", b"b"]


@pytest.mark.parametrize("kept", [-1, 0, 10])
def test_a_packed_segment_that_is_cut_short_is_an_error(tmp_path: Path, kept: int) -> None:
    packed = pack(segment(tmp_path, b"abc\n" * 1000))
    packed.path.write_bytes(packed.path.read_bytes()[:kept])
    with pytest.raises(SegmentError, match="cut short"):
        list(SegmentReader(packed))


def test_a_packed_segment_that_goes_on_behind_its_end_is_an_error(tmp_path: Path) -> None:
    packed = pack(segment(tmp_path, b"abc\n" * 1000))
    with packed.path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(SegmentError, match="goes on behind its end"):
        list(SegmentReader(packed))
