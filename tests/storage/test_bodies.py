"""Tests of kept bodies: one key opens them, for one exchange, and they are found where they stand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.bodies import (
    NONCE_BYTES,
    BodyError,
    BodyEvent,
    bodies_writer,
    body_event,
    find_body,
    is_bodies_writer,
    opened_body,
)
from storage.journal import Limits
from storage.packing import pack
from storage.segments import segments_of
from storage.verify import verify
from tests.builders.journals import audit_id, opened
from tests.builders.warehouses import one, warehouse

KEY, NONCE = bytes(range(32)), bytes(NONCE_BYTES)
WHEN = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
SECRET = b"The seagulls know where the treasure lies. "


def event_of(plain: bytes, number: int = 1, key: bytes = KEY, nonce: bytes = NONCE) -> BodyEvent:
    line = body_event(audit_id(number), WHEN, "p-ada", plain, key, nonce)
    return msgspec.json.decode(line, type=BodyEvent)


@settings(max_examples=50)
@given(st.binary(max_size=2000), st.binary(min_size=32, max_size=32), st.binary(min_size=12, max_size=12))
def test_what_was_kept_is_what_is_opened(plain: bytes, key: bytes, nonce: bytes) -> None:
    assert opened_body(event_of(plain, key=key, nonce=nonce), key) == plain


def test_another_persons_key_opens_nothing() -> None:
    with pytest.raises(BodyError, match="cannot be opened"):
        opened_body(event_of(SECRET), bytes(32))


def test_a_body_cannot_be_given_out_as_that_of_another_exchange() -> None:
    moved = msgspec.structs.replace(event_of(SECRET), audit_id=audit_id(2))
    with pytest.raises(BodyError):
        opened_body(moved, KEY)


@settings(max_examples=50)
@given(st.data())
def test_a_changed_character_is_noticed(data: st.DataObject) -> None:
    event = event_of(SECRET)
    at = data.draw(st.integers(0, len(event.sealed) - 1))
    other = data.draw(st.sampled_from("Aaz09-_=é").filter(lambda sign: sign != event.sealed[at]))
    changed = msgspec.structs.replace(event, sealed=event.sealed[:at] + other + event.sealed[at + 1 :])
    with pytest.raises(BodyError):
        opened_body(changed, KEY)


@pytest.mark.parametrize("sealed", ["", "AAAA", "!", "A" * 16])
def test_what_is_too_short_to_be_a_body_is_none(sealed: str) -> None:
    with pytest.raises(BodyError):
        opened_body(msgspec.structs.replace(event_of(SECRET), sealed=sealed), KEY)


def test_the_text_stands_nowhere_in_the_line_and_takes_less_room_than_it_would() -> None:
    line = body_event(audit_id(1), WHEN, "p-ada", SECRET * 100, KEY, NONCE)
    assert b"seagulls" not in line
    assert len(line) < len(SECRET) * 10


def test_bodies_have_writers_of_their_own() -> None:
    assert is_bodies_writer(bodies_writer("worker-0"))
    assert not is_bodies_writer("worker-0")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = WHEN

    def __call__(self) -> float:
        return self.now.timestamp()


def kept(data: Path, writer: str = "worker-0-bodies", numbers: range = range(1, 7)) -> None:
    """Bodies of several exchanges, one an hour, two in a segment."""
    clock = Clock()
    journal = opened(data, writer, limits=Limits(segment_seconds=7000), clock=clock)
    for number in numbers:
        clock.now = WHEN + timedelta(hours=number)
        journal.append_event(body_event(audit_id(number), clock.now, "p-ada", b"%d" % number, KEY, NONCE))
    journal.close()


def found(data: Path, number: int, ended: datetime) -> bytes | None:
    event = find_body(data / "journal", audit_id(number), ended)
    return opened_body(event, KEY) if event else None


@pytest.mark.parametrize("number", range(1, 7))
def test_a_body_is_found_by_the_time_at_which_its_exchange_ended(tmp_path: Path, number: int) -> None:
    kept(tmp_path)
    assert len(segments_of(tmp_path / "journal" / "worker-0-bodies")) > 2
    for off in (0, 60, -60):
        ended = WHEN + timedelta(hours=number, seconds=off)
        assert found(tmp_path, number, ended) == b"%d" % number
    assert found(tmp_path, number + 100, WHEN + timedelta(hours=number)) is None


def test_only_segments_of_that_time_are_read(tmp_path: Path) -> None:
    kept(tmp_path)
    assert found(tmp_path, 1, WHEN + timedelta(hours=6)) is None


def test_bodies_of_every_worker_are_found_in_packed_segments_too(tmp_path: Path) -> None:
    kept(tmp_path, numbers=range(1, 4))
    kept(tmp_path, "worker-1-bodies", range(4, 7))
    for segment in segments_of(tmp_path / "journal" / "worker-1-bodies")[:-1]:
        pack(segment)
    for number in range(1, 7):
        assert found(tmp_path, number, WHEN + timedelta(hours=number)) == b"%d" % number


def test_a_damaged_segment_hides_its_own_bodies_alone(tmp_path: Path) -> None:
    kept(tmp_path)
    first = segments_of(tmp_path / "journal" / "worker-0-bodies")[0]
    first.path.write_bytes(b"\xff\n" * 10)
    assert found(tmp_path, 6, WHEN + timedelta(hours=6)) == b"6"
    assert found(tmp_path, 1, WHEN + timedelta(hours=1)) is None


def test_a_line_that_is_no_utf_8_hides_nothing_else(tmp_path: Path) -> None:
    kept(tmp_path)
    first = segments_of(tmp_path / "journal" / "worker-0-bodies")[0]
    first.path.write_bytes(first.path.read_bytes().replace(b'"caller":"', b'"caller":"\xff'))
    assert found(tmp_path, 6, WHEN + timedelta(hours=6)) == b"6"
    assert found(tmp_path, 1, WHEN + timedelta(hours=1)) is None


def test_where_no_bodies_were_kept_none_are_found(tmp_path: Path) -> None:
    assert find_body(tmp_path / "journal", audit_id(1), WHEN) is None


def test_bodies_stand_in_the_chain_like_everything_else(tmp_path: Path) -> None:
    kept(tmp_path)
    assert verify(tmp_path).faults == ()
    segment = segments_of(tmp_path / "journal" / "worker-0-bodies")[0]
    lines = segment.path.read_bytes().split(b"\n")
    segment.path.write_bytes(b"\n".join([lines[0], *lines[2:]]))
    assert verify(tmp_path).faults


def test_the_warehouse_takes_nothing_of_them_in_and_misses_nothing(tmp_path: Path) -> None:
    kept(tmp_path)
    with warehouse(tmp_path) as opened_warehouse:
        assert one(opened_warehouse, "SELECT count(*) FROM kept.events") == 0
        assert one(opened_warehouse, "SELECT count(*) FROM kept.segments") == 0
        assert opened_warehouse.ingest().faults == ()
