"""What has just been written is found at the end of the journal, and no search reads further than it may."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as some

from storage.bundles import Search
from storage.journal_tail import JournalTail, _blocks_of

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def an_id(minute: float, number: int = 0) -> str:
    ms = int((NOON + timedelta(minutes=minute)).timestamp() * 1000)
    digits = f"{ms:012x}7{number:03x}8{0:015x}"
    return "A-" + "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def a_line(event: str, audit_id: str, minute: float = 0, **members: object) -> bytes:
    at = NOON + timedelta(minutes=minute)
    when = {"at": at} if event == "began" else {"started": at}
    return msgspec.json.encode({"event": event, "audit_id": audit_id, **when, **members, "seal": "s" * 43}) + b"\n"


def an_exchange(minute: float, number: int = 0, **members: object) -> bytes:
    name = an_id(minute, number)
    return a_line("began", name, minute) + a_line("ended", name, minute, outcome="answered", **members)


def segment(folder: Path, writer: str, number: int, *lines: bytes) -> Path:
    path = folder / writer / f"{number:08}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'{"event":"segment","writer":"x"}\n' + b"".join(lines))
    return path


def ids(lines: list[bytes]) -> list[str]:
    return [msgspec.json.decode(line)["audit_id"] for line in lines]


def test_an_exchange_is_found_in_any_writer_and_segment(tmp_path: Path) -> None:
    segment(tmp_path, "worker-0", 1, *(an_exchange(minute) for minute in range(10)))
    segment(tmp_path, "worker-0", 2, *(an_exchange(minute) for minute in range(10, 20)))
    segment(tmp_path, "worker-1", 1, an_exchange(5, 1))
    tail = JournalTail(tmp_path, block=512)
    for name in (an_id(0), an_id(7), an_id(10), an_id(19), an_id(5, 1)):
        line = tail.find(name)
        assert line is not None
        assert (ids([line]), msgspec.json.decode(line)["event"]) == ([name], "ended")
    assert tail.find(an_id(5, 2)) is None


def test_an_exchange_that_has_not_ended_is_told_by_its_beginning(tmp_path: Path) -> None:
    segment(tmp_path, "worker-0", 1, a_line("began", an_id(1), 1), an_exchange(2))
    found = JournalTail(tmp_path).find(an_id(1))
    assert found is not None and msgspec.json.decode(found)["event"] == "began"


def test_an_exchange_that_ran_for_an_hour_is_found_by_its_end(tmp_path: Path) -> None:
    long = an_id(0)
    between = b"".join(an_exchange(minute) for minute in range(1, 60))
    segment(tmp_path, "worker-0", 1, a_line("began", long), between, a_line("ended", long))
    found = JournalTail(tmp_path, block=256).find(long)
    assert found is not None and msgspec.json.decode(found)["event"] == "ended"


def test_an_end_is_told_before_a_logged_bundle_of_the_same_name(tmp_path: Path) -> None:
    segment(tmp_path, "office", 1, a_line("logged", an_id(1), 1))
    segment(tmp_path, "worker-0", 1, an_exchange(1))
    found = JournalTail(tmp_path).find(an_id(1))
    assert found is not None and msgspec.json.decode(found)["event"] == "ended"


def test_an_id_inside_another_record_is_not_taken_for_it(tmp_path: Path) -> None:
    wanted = an_id(1)
    nested = an_exchange(2, bundle={"audit_id": wanted}, model=f'","audit_id":"{wanted}"')
    incident = a_line("incident", wanted, 1)
    segment(tmp_path, "worker-0", 1, nested, incident)
    assert JournalTail(tmp_path).find(wanted) is None
    segment(tmp_path, "worker-0", 2, an_exchange(1), nested, incident)
    found = JournalTail(tmp_path).find(wanted)
    assert found is not None and ids([found]) == [wanted]


def test_a_torn_last_line_is_not_told(tmp_path: Path) -> None:
    whole = an_exchange(1)
    segment(tmp_path, "worker-0", 1, whole, a_line("ended", an_id(2), 2)[:-1])
    tail = JournalTail(tmp_path, block=64)
    assert (tail.find(an_id(2)), ids(tail.listed(Search(), 10))) == (None, [an_id(1)])


def test_no_more_is_read_than_the_reach(tmp_path: Path) -> None:
    segment(tmp_path, "worker-0", 1, *(an_exchange(minute / 1000) for minute in range(100)))
    near = JournalTail(tmp_path, reach=4096, block=1024)
    assert near.find(an_id(99 / 1000)) is not None
    assert near.find(an_id(0)) is None
    assert JournalTail(tmp_path, block=1024).find(an_id(0)) is not None
    assert 0 < len(near.listed(Search(), 1000)) < 30


def test_a_search_for_something_newer_ends_at_what_is_older(tmp_path: Path) -> None:
    old = segment(tmp_path, "worker-0", 1, *(an_exchange(minute) for minute in range(30)))
    segment(tmp_path, "worker-0", 2, an_exchange(60))
    old.write_bytes(old.read_bytes() + an_exchange(90))
    # What stands behind older lines in an older segment cannot be newer than they are: it is not looked for.
    assert JournalTail(tmp_path, block=512).find(an_id(90)) is None


def test_the_newest_come_first_from_all_writers(tmp_path: Path) -> None:
    segment(tmp_path, "worker-0", 1, *(an_exchange(minute) for minute in range(0, 40, 2)))
    segment(tmp_path, "worker-1", 1, *(an_exchange(minute) for minute in range(1, 41, 2)))
    tail = JournalTail(tmp_path, block=512)
    assert ids(tail.listed(Search(), 7)) == [an_id(minute) for minute in range(39, 32, -1)]
    assert ids(tail.listed(Search(below=(NOON + timedelta(minutes=33), an_id(33))), 2)) == [an_id(32), an_id(31)]


def test_a_list_takes_what_fits_and_leaves_the_rest(tmp_path: Path) -> None:
    segment(
        tmp_path,
        "worker-0",
        1,
        an_exchange(1, caller="key:1", model="a"),
        an_exchange(2, caller="key:2", model="a"),
        an_exchange(3, caller="key:1", model="b"),
        a_line("began", an_id(4), 4, caller="key:1"),
    )
    tail = JournalTail(tmp_path)
    assert ids(tail.listed(Search(caller="key:1"), 9)) == [an_id(3), an_id(1)]
    assert ids(tail.listed(Search(caller="key:1", model="a"), 9)) == [an_id(1)]
    assert ids(tail.listed(Search(since=NOON + timedelta(minutes=2), until=NOON + timedelta(minutes=3)), 9)) == [
        an_id(2)
    ]


def test_a_list_has_what_began_long_ago_and_ended_late(tmp_path: Path) -> None:
    long = an_id(0)
    between = b"".join(an_exchange(minute) for minute in range(1, 60))
    segment(tmp_path, "worker-0", 1, a_line("began", long), between, a_line("ended", long))
    everything = ids(JournalTail(tmp_path, block=256).listed(Search(), 100))
    assert everything == [an_id(minute) for minute in range(59, -1, -1)]


def test_a_journal_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    tail = JournalTail(tmp_path / "nowhere")
    assert (tail.find(an_id(1)), tail.listed(Search(), 5)) == (None, [])


@given(
    lines=some.lists(some.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=20), data=some.data()
)
def test_blocks_read_backwards_are_the_lines_of_the_file(
    lines: list[bytes], data: some.DataObject, tmp_path_factory: object
) -> None:
    size = data.draw(some.integers(1, 50))
    torn = data.draw(some.binary(max_size=60)).replace(b"\n", b"")
    path = tmp_path_factory.mktemp("segment") / "00000001.jsonl"  # type: ignore[attr-defined]
    path.write_bytes(b"".join(line + b"\n" for line in lines) + torn)
    blocks = list(_blocks_of(path, size))
    assert b"".join(reversed(blocks)) == b"".join(line + b"\n" for line in lines)
    assert all(block.endswith(b"\n") for block in blocks)
