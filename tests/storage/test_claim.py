"""A writer's folder belongs to one process, and knows the last root that was written in it."""

from pathlib import Path

import pytest

from storage.claim import Claim, last_root_in
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
    for line in (b"a long line\n", b"short\n"):
        claim.remember(line)
        assert last_root_in(tmp_path) == line.strip()
    assert claim.path.read_bytes() == b"short\n"
    claim.release()


def test_whoever_takes_the_folder_again_leaves_what_is_remembered(tmp_path: Path) -> None:
    claim = taken(tmp_path)
    claim.remember(b"a root\n")
    claim.release()
    taken(tmp_path).release()
    assert last_root_in(tmp_path) == b"a root"
