"""The journal: whole lines, one write each, and an error where the system did not take them."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from storage.journal import Journal, JournalError

# Appends lines under a limit on the size of files, as a full disk would have it; then the limit is lifted.
ON_A_FULL_DISK = """
import json, resource, sys
from pathlib import Path
from storage.journal import Journal, JournalError

journal = Journal(Path(sys.argv[1]), "worker-0")
journal.open()
journal.append(b'{"n":1}\\n')
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))
failures = []
for number in (2, 3):
    try:
        journal.append(b'{"n":%d}\\n' % number)
        failures.append(None)
    except JournalError as error:
        failures.append([str(error), journal.failure])
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
journal.append(b'{"n":4}\\n')
print(json.dumps([failures, journal.failure]))
"""


def opened(folder: Path, writer: str = "worker-0") -> Journal:
    journal = Journal(folder / "journal", writer)
    journal.open()
    return journal


def whole(path: Path) -> list[int]:
    """The numbers in the lines that can be read."""
    numbers = []
    for line in path.read_bytes().splitlines():
        try:
            numbers.append(json.loads(line)["n"])
        except ValueError:
            continue
    return numbers


def test_lines_stand_in_the_file_of_their_writer_in_their_order(tmp_path: Path) -> None:
    first, second = opened(tmp_path, "worker-0"), opened(tmp_path, "worker-1")
    for number in range(3):
        first.append(b'{"n":%d}\n' % number)
    second.append(b'{"n":7}\n{"n":8}\n')
    assert (tmp_path / "journal" / "worker-0.jsonl").read_bytes() == b'{"n":0}\n{"n":1}\n{"n":2}\n'
    assert whole(second.path) == [7, 8]


def test_what_was_appended_is_there_before_the_journal_is_closed(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(b'{"n":1}\n')
    assert whole(journal.path) == [1]


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        journal = opened(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700


def test_opening_again_goes_on_behind_what_is_there(tmp_path: Path) -> None:
    opened(tmp_path).append(b'{"n":1}\n')
    opened(tmp_path).append(b'{"n":2}\n')
    assert whole(tmp_path / "journal" / "worker-0.jsonl") == [1, 2]


def test_a_torn_line_of_the_life_before_takes_no_line_with_it(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(b'{"n":1}\n{"n":')
    journal.close()
    again = opened(tmp_path)
    again.append(b'{"n":2}\n')
    again.append(b'{"n":3}\n')
    assert journal.path.read_bytes() == b'{"n":1}\n{"n":\n{"n":2}\n{"n":3}\n'


@pytest.mark.parametrize("ever_open", [True, False])
def test_a_closed_journal_takes_nothing(tmp_path: Path, ever_open: bool) -> None:
    journal = opened(tmp_path) if ever_open else Journal(tmp_path / "journal", "worker-0")
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append(b"{}\n")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("in the way")
    with pytest.raises(JournalError, match=r"journal/worker-0\.jsonl cannot be opened"):
        opened(tmp_path)


@pytest.mark.parametrize("room", [8, 11], ids=["no room at all", "room for half a line"])
def test_a_full_disk_is_an_error_each_time_and_no_line_is_lost_behind_it(tmp_path: Path, room: int) -> None:
    run = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path), str(room)], capture_output=True, check=True, text=True
    )
    failures, last = json.loads(run.stdout)
    assert all(failure is not None for failure in failures)
    assert all("cannot be written" in said and reason for said, reason in failures)
    assert last is None, "a journal that works again says so"
    assert whole(tmp_path / "worker-0.jsonl") == [1, 4]


def test_an_append_after_a_failure_clears_it(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert journal.failure is None
    journal.append(b"{}\n")
    assert journal.failure is None
