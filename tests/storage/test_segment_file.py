"""A segment that is written takes lines whole or not at all."""

import os
from pathlib import Path

import pytest

from storage.segment_file import LINES_BETWEEN_LOOKS, SegmentFile


def test_a_number_that_is_taken_is_an_error(tmp_path: Path) -> None:
    file = SegmentFile(tmp_path, 1)
    with pytest.raises(FileExistsError):
        SegmentFile(tmp_path, 1)
    os.close(file.fd)


def test_what_stands_behind_the_last_whole_line_is_cut_off_before_the_next(tmp_path: Path) -> None:
    file = SegmentFile(tmp_path, 1)
    file.append(b"one\n")
    os.write(file.fd, b"half a li")
    file.torn = True
    file.append(b"two\n")
    os.close(file.fd)
    assert file.path.read_bytes() == b"one\ntwo\n"
    assert (file.size, file.torn) == (8, False)


def test_a_write_that_fails_counts_for_nothing(tmp_path: Path) -> None:
    file = SegmentFile(tmp_path, 1)
    file.append(b"one\n")
    os.close(file.fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.append(b"two\n")
    assert (file.size, file.torn) == (4, True)


def test_a_file_that_was_deleted_takes_no_line(tmp_path: Path) -> None:
    file = SegmentFile(tmp_path, 1)
    file.append(b"one\n")
    file.path.unlink()
    with pytest.raises(OSError, match="deleted while it was written"):
        for _ in range(LINES_BETWEEN_LOOKS):
            file.append(b"two\n")
    os.close(file.fd)
