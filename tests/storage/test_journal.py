"""The journal seals what it appends, whole lines in one write, and says when the system did not take them."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from storage.journal import Durability, Journal, Limits
from storage.journal_error import JournalError
from storage.verify import verify
from tests.builders.descriptors import no_descriptors_left, open_descriptors
from tests.builders.journals import SMALL, audit_id, ended, lines_in, numbers_in, opened

# Appends lines under a limit on the size of files, as a full disk would have it; then the limit is lifted.
ON_A_FULL_DISK = """
import json, resource, sys
from pathlib import Path
from storage.journal_error import JournalError
from tests.builders.journals import ended, opened

journal = opened(Path(sys.argv[1]))
journal.append_event(ended(1))
before = journal.path.stat().st_size
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (before + int(sys.argv[2]), hard))
failures = []
for number in (2, 3):
    try:
        journal.append_event(ended(number))
        failures.append(None)
    except JournalError as error:
        failures.append([str(error), journal.failure, journal.path.stat().st_size])
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
journal.append_event(ended(4))
print(json.dumps([failures, journal.failure, before]))
"""
# The same where lines are gathered: what was taken before the disk was full is kept until there is room again.
GATHERS_ON_A_FULL_DISK = """
import asyncio, json, resource, sys
from pathlib import Path
from storage.journal_error import JournalError
from storage.journal import Limits
from tests.builders.journals import ended, opened

async def main():
    journal = opened(Path(sys.argv[1]), durability="async", limits=Limits(gather_seconds=0.01))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 50, hard))
    journal.append_event(ended(1))
    while journal.failure is None:
        await asyncio.sleep(0.01)
    refused = 0
    for number in (2, 3):
        try:
            journal.append_event(ended(number))
        except JournalError:
            refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    while journal.failure is not None:
        await asyncio.sleep(0.01)
    journal.append_event(ended(4))
    journal.close()
    print(refused)

asyncio.run(main())
"""
# Acknowledges each line on standard output when its append has returned, until it is killed.
WRITES_UNTIL_KILLED = """
import os, sys
from pathlib import Path
from storage.journal import Limits
from tests.builders.journals import ended, opened

journal = opened(Path(sys.argv[1]), limits=Limits(root_lines=64, segment_bytes=50_000))
number = int(sys.argv[2])
while True:
    journal.append_event(ended(number))
    os.write(1, b"%d\\n" % number)
    number += 1
"""
HOLDS_THE_WRITER = """
import sys
from pathlib import Path
from tests.builders.journals import ended, opened

journal = opened(Path(sys.argv[1]))
journal.append_event(ended(1))
print("open", flush=True)
sys.stdin.read()
"""


def sealed_right(lines: list[bytes]) -> bool:
    """Follows the chain with the standard library alone."""
    before = bytes(32)
    for line in lines:
        body, mark, rest = line.rpartition(b',"seal":"')
        before = sha256(before + body).digest()
        if mark + rest != b',"seal":"' + urlsafe_b64encode(before).rstrip(b"=") + b'"}':
            return False
    return True


def raw_lines(data: Path, writer: str = "worker-0") -> list[bytes]:
    return [
        line for file in sorted((data / "journal" / writer).glob("*.jsonl")) for line in file.read_bytes().splitlines()
    ]


def test_a_segment_begins_with_its_header_and_each_line_is_sealed(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_event(ended(1))
    journal.append(ended(2) + b"\n" + ended(3) + b"\n")
    assert journal.path == tmp_path / "journal" / "worker-0" / "00000001.jsonl"
    header, *events = lines_in(tmp_path)
    assert header.pop("seal")
    assert header == {
        "event": "segment",
        "writer": "worker-0",
        "number": 1,
        "at": "2023-11-14T22:13:20Z",
        "version": 1,
        "previous": None,
        "first": 0,
        "lost": 0,
        "continues": False,
    }
    assert [(line["event"], line["n"], list(line)[-1]) for line in events] == [
        ("ended", number, "seal") for number in (1, 2, 3)
    ]
    assert sealed_right(raw_lines(tmp_path))


def test_every_start_begins_a_segment_that_goes_on_with_the_chain(tmp_path: Path) -> None:
    for number in range(3):
        journal = opened(tmp_path)
        journal.append_event(ended(number))
        journal.close()
    headers = [line for line in lines_in(tmp_path) if line["event"] == "segment"]
    lines = lines_in(tmp_path)
    assert [header["previous"] for header in headers] == [
        None,
        {"number": 1, "seal": lines[2]["seal"]},
        {"number": 2, "seal": lines[5]["seal"]},
    ]
    assert [header["first"] for header in headers] == [0, 3, 6]
    assert sealed_right(raw_lines(tmp_path))


def test_a_root_covers_the_lines_since_the_last_one_and_closing_writes_one(tmp_path: Path) -> None:
    journal = opened(tmp_path, limits=SMALL)
    for number in range(9):
        journal.append_event(ended(number))
    journal.close()
    roots = [line for line in lines_in(tmp_path) if line["event"] == "root"]
    assert [(root["first"], root["count"]) for root in roots] == [(0, 4), (5, 4), (10, 2)]
    assert [root["previous"] for root in roots] == [None, roots[0]["root"], roots[1]["root"]]
    leaves = [sha256(b"\x00" + urlsafe_b64decode(line["seal"] + "=")).digest() for line in lines_in(tmp_path)[5:9]]
    left, right = sha256(b"\x01" + leaves[0] + leaves[1]).digest(), sha256(b"\x01" + leaves[2] + leaves[3]).digest()
    assert urlsafe_b64decode(roots[1]["root"] + "=") == sha256(b"\x01" + left + right).digest()


def test_a_root_goes_over_the_end_of_a_process_that_wrote_none(tmp_path: Path) -> None:
    opened(tmp_path, limits=SMALL).append(ended(0) + b"\n" + ended(1) + b"\n")
    journal = _after_a_kill(tmp_path)
    journal.append_event(ended(2))
    roots = [line for line in lines_in(tmp_path) if line["event"] == "root"]
    assert [(root["first"], root["count"]) for root in roots] == [(0, 5)]


def _after_a_kill(data: Path) -> Journal:
    """A kill lets go of the lock and leaves the segment as it is."""
    (data / "journal" / "worker-0" / "lock").unlink()
    return opened(data, limits=SMALL)


def test_without_a_key_the_roots_have_no_signature(tmp_path: Path) -> None:
    opened(tmp_path, signed=False).close()
    assert lines_in(tmp_path)[-1]["signature"] is None


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        journal = opened(tmp_path)
        journal.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700
    for name in ("last_root", "lock"):
        assert stat.S_IMODE((journal.path.parent / name).stat().st_mode) == 0o600


def test_a_segment_that_is_full_is_followed_by_the_next(tmp_path: Path) -> None:
    journal = opened(tmp_path, limits=Limits(segment_bytes=1000))
    for number in range(20):
        journal.append_event(ended(number))
    files = sorted(journal.path.parent.glob("*.jsonl"))
    assert len(files) > 2
    assert all(1000 <= file.stat().st_size < 1700 for file in files[:-1])
    assert all(json.loads(file.read_bytes().splitlines()[-1])["event"] == "root" for file in files[:-1])
    assert numbers_in(tmp_path) == list(range(20))
    assert sealed_right(raw_lines(tmp_path))


def test_a_segment_says_whether_its_process_goes_on_in_it(tmp_path: Path) -> None:
    for number in range(2):
        journal = opened(tmp_path, limits=Limits(segment_bytes=400))
        for each in (1, 2):
            journal.append_event(b'{"event":"ended","n":%d,"text":"%s"}' % (10 * number + each, b"x" * 300))
        journal.close()
    headers = [line for line in lines_in(tmp_path) if line["event"] == "segment"]
    assert [header["continues"] for header in headers] == [False, True, False, True]


def test_a_segment_that_is_old_is_followed_by_the_next(tmp_path: Path) -> None:
    times = iter([0.0, 3599.0, 3600.0, 3600.0, 3601.0])
    journal = opened(tmp_path, clock=lambda: next(times))
    journal.append_event(ended(1))
    assert journal.path.name == "00000001.jsonl"
    journal.append_event(ended(2))
    assert journal.path.name == "00000002.jsonl"
    journal.append_event(ended(3))
    assert journal.path.name == "00000002.jsonl"


def test_a_segment_does_not_wait_for_a_clock_that_was_set_back(tmp_path: Path) -> None:
    clock = [1_700_000_000.0]
    journal = opened(tmp_path, clock=lambda: clock[0])
    journal.append_event(ended(1))
    clock[0] -= 30
    journal.append_event(ended(2))
    assert journal.path.name == "00000001.jsonl", "clocks are put right by some seconds every day"
    clock[0] -= 3600
    journal.renew()
    assert journal.path.name == "00000002.jsonl"
    clock[0] += 3600
    journal.append_event(ended(3))
    assert numbers_in(tmp_path) == [1, 2, 3]
    assert verify(tmp_path).faults == ()


def test_an_idle_segment_is_followed_by_the_next_once_and_only_if_it_has_events(tmp_path: Path) -> None:
    now = [1_700_000_000.0]
    journal = opened(tmp_path, limits=Limits(segment_seconds=60), clock=lambda: now[0])
    for _ in range(3):
        now[0] += 100
        journal.renew()
    assert journal.path.name == "00000001.jsonl", "it has no events"
    journal.append_event(ended(1))
    journal.renew()
    assert journal.path.name == "00000002.jsonl", "the append itself has begun it, since it was due"
    for seconds in (59, 2, 100, 100):
        now[0] += seconds
        journal.renew()
    assert journal.path.name == "00000003.jsonl"
    journal.close()
    journal.renew()
    assert numbers_in(tmp_path) == [1] and verify(tmp_path).faults == ()


def test_a_next_segment_that_cannot_be_begun_leaves_the_old_one_going(tmp_path: Path) -> None:
    journal = opened(tmp_path, limits=Limits(segment_bytes=4000))
    in_the_way = journal.path.with_name("00000002.jsonl")
    in_the_way.mkdir()
    for number in range(60):
        journal.append_event(ended(number))
    in_the_way.rmdir()
    assert (journal.path.name, journal.failure) == ("00000001.jsonl", None)
    assert numbers_in(tmp_path) == list(range(60))
    assert sum(line["event"] == "root" for line in lines_in(tmp_path)) < 10, "it does not try again at every line"


def test_a_next_segment_for_which_there_is_no_descriptor_is_begun_later(tmp_path: Path) -> None:
    clock = [1000.0]
    journal = opened(tmp_path, limits=Limits(segment_seconds=10.0), clock=lambda: clock[0])
    journal.append_event(ended(1))
    clock[0] += 11
    with no_descriptors_left():
        journal.append_event(ended(2))
    assert (journal.path.name, journal.failure) == ("00000001.jsonl", None)
    clock[0] += 61
    journal.append_event(ended(3))
    assert journal.path.name == "00000002.jsonl"
    assert numbers_in(tmp_path) == [1, 2, 3]
    assert verify(tmp_path).faults == ()


def test_a_root_for_which_there_is_no_descriptor_is_written_later(tmp_path: Path) -> None:
    journal = opened(tmp_path, limits=SMALL)
    with no_descriptors_left():
        for number in range(6):
            journal.append_event(ended(number))
    assert journal.failure is None
    journal.append_event(ended(6))
    assert [line["event"] for line in lines_in(tmp_path)][-1] == "root"
    assert numbers_in(tmp_path) == list(range(7))
    assert verify(tmp_path).faults == ()


@pytest.mark.parametrize("room", [0, 1, 60, 120], ids=lambda room: f"room for {room} bytes")
def test_a_full_disk_is_an_error_each_time_and_leaves_no_part_of_a_line(tmp_path: Path, room: int) -> None:
    run = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path), str(room)], capture_output=True, check=True, text=True
    )
    failures, last, before = json.loads(run.stdout)
    assert all("cannot be written" in said and reason for said, reason, _ in failures)
    assert [size for _, _, size in failures] == [before, before]
    assert last is None, "a journal that works again says so"
    assert numbers_in(tmp_path) == [1, 4]
    assert sealed_right(raw_lines(tmp_path))


def test_gathered_lines_wait_for_room_and_no_more_are_taken(tmp_path: Path) -> None:
    command = [sys.executable, "-c", GATHERS_ON_A_FULL_DISK, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    assert run.stdout == "2\n"
    assert numbers_in(tmp_path) == [1, 4]
    assert sealed_right(raw_lines(tmp_path))


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    for life in range(3):
        command = [sys.executable, "-c", WRITES_UNTIL_KILLED, str(tmp_path), str(life * 1_000_000)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        for _ in range(400):
            acknowledged.append(int(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)
        acknowledged += map(int, process.stdout.read().split())
        process.wait(30)
        process.stdout.close()
    found = _numbers_of_whole_lines(tmp_path)
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found)) <= len(acknowledged) + 3
    report = verify(tmp_path)
    assert report.faults == ()
    assert sum(note.kind == "torn" for note in report.notes) <= 3


def _numbers_of_whole_lines(data: Path) -> list[int]:
    files = sorted((data / "journal" / "worker-0").glob("*.jsonl"))
    whole = [line for file in files for line in file.read_bytes().split(b"\n")[:-1]]
    return [line["n"] for line in map(json.loads, whole) if line["event"] == "ended"]


def test_a_torn_end_of_the_life_before_is_left_there_and_followed_by_a_new_segment(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_event(ended(1))
    journal.close()
    with journal.path.open("ab") as file:
        file.write(b'{"event":"ended","audit')
    again = opened(tmp_path)
    again.append_event(ended(2))
    assert again.path.name == "00000002.jsonl"
    assert _numbers_of_whole_lines(tmp_path) == [1, 2]
    assert verify(tmp_path).faults == ()


def test_a_segment_without_any_whole_line_is_passed_over(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_event(ended(1))
    journal.close()
    (journal.path.parent / "00000002.jsonl").write_bytes(b'{"event":"seg')
    opened(tmp_path).close()
    assert json.loads((journal.path.parent / "00000003.jsonl").read_bytes().splitlines()[0])["previous"]["number"] == 1
    assert verify(tmp_path).faults == ()


def test_another_process_cannot_write_under_the_same_name(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS_THE_WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(JournalError, match=r"worker-0 is being written by another process\. Two gateways"):
            opened(tmp_path)
        opened(tmp_path, "worker-1").close()
        process.stdin.close()
        process.wait(30)
    opened(tmp_path).close()
    assert numbers_in(tmp_path) == [1]


def test_a_process_that_was_forked_does_not_write_into_the_segment_of_its_parent(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    child = os.fork()
    if child == 0:
        try:
            journal.append_event(ended(1))
        except JournalError as error:
            os._exit(7 if "another process" in str(error) else 8)
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    journal.append_event(ended(2))
    assert numbers_in(tmp_path) == [2]


@pytest.mark.parametrize("ever_open", [True, False])
@pytest.mark.parametrize("durability", ["flush", "async", "fsync"])
async def test_a_closed_journal_takes_nothing(tmp_path: Path, ever_open: bool, durability: Durability) -> None:
    if ever_open:
        journal = opened(tmp_path, durability=durability)
    else:
        journal = Journal(tmp_path / "journal", "worker-0", durability=durability)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append_event(ended(1))
    await journal.durable()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("in the way")
    with pytest.raises(JournalError, match=r"journal/worker-0 cannot be opened: Not a directory"):
        opened(tmp_path, signed=False)


@pytest.mark.parametrize("writer", ["", "../elsewhere", "a/b", ".hidden"])
def test_a_writer_that_is_no_name_of_a_folder_is_told(tmp_path: Path, writer: str) -> None:
    with pytest.raises(JournalError, match="cannot be called"):
        opened(tmp_path, writer)


@pytest.mark.parametrize("event", [b"", b"{}", b'{"audit_id":"A"}', b'{"event":"ended"', b'{"event":"a"}\n', b"[]"])
def test_what_is_no_event_is_a_mistake_and_writes_nothing(tmp_path: Path, event: bytes) -> None:
    journal = opened(tmp_path)
    with pytest.raises(ValueError, match="event"):
        journal.append_event(event)
    assert len(lines_in(tmp_path)) == 1


def test_lines_without_their_newline_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="newline"):
        opened(tmp_path).append(ended(1))


async def test_async_writes_gathered_lines_in_time(tmp_path: Path) -> None:
    journal = opened(tmp_path, durability="async", limits=Limits(gather_seconds=0.02))
    journal.append_event(ended(1))
    journal.append(ended(2) + b"\n" + ended(3) + b"\n")
    assert numbers_in(tmp_path) == []
    for _ in range(500):
        await asyncio.sleep(0.01)
        if numbers_in(tmp_path):
            break
    assert numbers_in(tmp_path) == [1, 2, 3]
    assert sealed_right(raw_lines(tmp_path))


async def test_async_writes_before_much_has_gathered(tmp_path: Path) -> None:
    journal = opened(tmp_path, durability="async", limits=Limits(gather_seconds=1000, gather_bytes=500))
    for number in range(20):
        journal.append_event(ended(number))
    assert 10 <= len(numbers_in(tmp_path)) < 20
    journal.close()
    assert numbers_in(tmp_path) == list(range(20))


def test_async_without_a_loop_writes_at_once(tmp_path: Path) -> None:
    journal = opened(tmp_path, durability="async")
    journal.append_event(ended(1))
    assert numbers_in(tmp_path) == [1]


async def test_fsync_waits_for_the_disk_and_groups_what_comes_together(tmp_path: Path) -> None:
    journal = opened(tmp_path, durability="fsync", limits=Limits(segment_bytes=2000))

    async def recorded(number: int) -> None:
        journal.append_event(ended(number))
        await journal.durable()

    await asyncio.gather(*(recorded(number) for number in range(64)))
    await recorded(64)
    journal.close()
    assert numbers_in(tmp_path) == list(range(65))
    assert verify(tmp_path).faults == ()


async def test_what_could_not_be_synced_for_want_of_descriptors_is_synced_the_next_time(tmp_path: Path) -> None:
    before = open_descriptors()
    journal = opened(tmp_path, durability="fsync")
    journal.append_event(ended(1))
    with no_descriptors_left(), pytest.raises(JournalError, match="Too many open files"):
        await journal.durable()
    journal.append_event(ended(2))
    await journal.durable()
    journal.close()
    assert numbers_in(tmp_path) == [1, 2]
    assert open_descriptors() == before


async def test_waiting_for_the_disk_ends_when_the_journal_is_closed(tmp_path: Path) -> None:
    journal = opened(tmp_path, durability="fsync")
    journal.append_event(ended(1))
    waiting = asyncio.ensure_future(journal.durable())
    await asyncio.sleep(0)
    journal.close()
    async with asyncio.timeout(10):
        await waiting


async def test_flush_has_nothing_more_to_wait_for(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_event(ended(1))
    await journal.durable()
    assert numbers_in(tmp_path) == [1]


def test_a_journal_that_lost_its_end_says_how_much_in_the_next_segment(tmp_path: Path) -> None:
    journal = opened(tmp_path, limits=SMALL)
    for number in range(8):
        journal.append_event(ended(number))
    journal.close()
    text = journal.path.read_bytes()
    journal.path.write_bytes(text[: text.index(audit_id(5).encode())].rpartition(b"\n")[0] + b"\n")
    opened(tmp_path).close()
    header = next(line for line in lines_in(tmp_path) if line["event"] == "segment" and line["number"] == 2)
    # Seven lines are left of twelve: the header, eight events, and three roots.
    assert (header["first"], header["lost"]) == (7, 5)
