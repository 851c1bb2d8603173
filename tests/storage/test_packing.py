"""A packed segment has the same lines in fewer bytes, and stands there whole or not at all."""

import stat
from pathlib import Path

import pytest

from storage.packing import pack
from storage.segments import Segment, SegmentError, SegmentReader

TEXT = b'{"event":"began","model":"gpt-4o"}\n' * 2000


def segment(folder: Path, text: bytes = TEXT, *, closed: bool = True) -> Segment:
    path = folder / "00000001.jsonl"
    path.write_bytes(text)
    return Segment("worker-0", 1, path, closed)


def test_the_packed_file_takes_the_place_of_the_plain_one(tmp_path: Path) -> None:
    packed = pack(segment(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["00000001.jsonl.zst"]
    assert b"".join(line.text + b"\n" for line in SegmentReader(packed)) == TEXT
    assert packed.path.stat().st_size < len(TEXT) / 20
    assert stat.S_IMODE(packed.path.stat().st_mode) == 0o600


def test_a_torn_end_is_packed_as_it_is(tmp_path: Path) -> None:
    reader = SegmentReader(pack(segment(tmp_path, TEXT + b'{"ev')))
    assert len(list(reader)) == 2000
    assert reader.torn == b'{"ev'


def test_a_segment_that_is_still_written_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(SegmentError, match="still written"):
        pack(segment(tmp_path, closed=False))
    assert [path.name for path in tmp_path.iterdir()] == ["00000001.jsonl"]


@pytest.mark.parametrize("left", ["00000001.jsonl.zst", "00000001.jsonl.zst.new"])
def test_what_a_kill_left_of_packing_is_packed_over(tmp_path: Path, left: str) -> None:
    (tmp_path / left).write_bytes(b"half a file that is longer than what will stand here" * 99)
    packed = pack(segment(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["00000001.jsonl.zst"]
    assert len(list(SegmentReader(packed))) == 2000


def test_packing_twice_changes_nothing(tmp_path: Path) -> None:
    packed = pack(segment(tmp_path))
    assert pack(packed) == packed
