"""A writer's folder belongs to one process, and knows the last root that was written in it."""

from pathlib import Path

import pytest

from storage.claim import SLOT_BYTES, Claim, last_root_in
from storage.journal_error import JournalError


def taken(folder: Path) -> Claim:
    claim = Claim(folder)
    claim.take()
    return claim


def test_a_folder_is_taken_once_until_it_is_released(tmp_path: Path) -> None:
    claim = taken(tmp_path)
    with pytest.raises(JournalError, match=r"being written by another process\. Two gateways cannot share"):
        taken(tmp_path)
    claim.release()
    claim.release()
    taken(tmp_path).release()


def test_the_last_root_is_remembered_whole_whatever_stood_there(tmp_path: Path) -> None:
    assert last_root_in(tmp_path) is None
    claim = taken(tmp_path)
    assert last_root_in(tmp_path) is None
    for line in (b"a long line\n", b"short\n", b"another\n", b"x\n"):
        claim.remember(line)
        assert last_root_in(tmp_path) == line.strip()
    claim.release()


def test_a_line_that_is_half_written_leaves_the_one_before(tmp_path: Path) -> None:
    claim = taken(tmp_path)
    for line in (b"the first root\n", b"the second root\n"):
        claim.remember(line)
    whole = claim.path.read_bytes()
    assert whole.index(b"2 ") == 0
    for written in range(len(b"2 01234567 the second root\n")):
        claim.path.write_bytes(whole[:written] + bytes(40 - written) + whole[40:])
        assert last_root_in(tmp_path) == b"the first root", written
    claim.release()


def test_a_line_that_has_no_room_leaves_those_that_are_there(tmp_path: Path) -> None:
    claim = taken(tmp_path)
    fits = b"x" * (SLOT_BYTES - len(b"1 01234567 \n")) + b"\n"
    for line in (fits, b"the second root\n"):
        claim.remember(line)
    claim.remember(b"x" + fits)
    assert last_root_in(tmp_path) == b"the second root"
    claim.remember(fits)
    assert last_root_in(tmp_path) == fits.strip()
    claim.remember(b"x" + fits)
    assert last_root_in(tmp_path) == fits.strip()
    claim.release()


def test_a_file_of_one_line_alone_is_read_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "last_root").write_bytes(b'{"event":"root"}\n')
    assert last_root_in(tmp_path) == b'{"event":"root"}'
    claim = taken(tmp_path)
    claim.remember(b"a root\n")
    claim.release()
    assert last_root_in(tmp_path) == b"a root"


def test_whoever_takes_the_folder_again_leaves_what_is_remembered(tmp_path: Path) -> None:
    claim = taken(tmp_path)
    claim.remember(b"a root\n")
    claim.release()
    taken(tmp_path).release()
    assert last_root_in(tmp_path) == b"a root"
