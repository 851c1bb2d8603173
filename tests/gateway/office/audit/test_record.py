"""A record is read as far as it can be, whatever stands in it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.office.audit.record import Record, Signal, record_of
from tests.gateway.office.audit.lines import AUDIT_ID, an_ended

JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=8,
)
FIELDS = some.sampled_from([field.name for field in msgspec.structs.fields(Record)])


def test_the_members_are_read_in_their_types() -> None:
    record = record_of(an_ended(signals={"stress": 0.5, "urgency": {"level": 1, "source": "header"}}))
    assert (record.audit_id, record.outcome, record.total_ms) == (AUDIT_ID, "answered", 768.0)
    assert record.usage is not None and record.usage.cached_tokens == 1024
    assert record.attempts[0].first_byte_ns == 300_000_000
    assert record.signals == {"stress": 0.5, "urgency": Signal(1.0, "header")}


@given(some.dictionaries(FIELDS, JSON))
def test_a_member_that_does_not_fit_is_as_if_absent(members: dict[str, Any]) -> None:
    record = record_of(an_ended(**members))
    untouched = record_of(an_ended())
    for field in msgspec.structs.fields(Record):
        if field.name not in members and field.name != "logged_by":
            assert getattr(record, field.name) == getattr(untouched, field.name)
    assert record.ran_ns >= 0


@pytest.mark.parametrize("line", [b"", b"[]", b"null", b"{", b"\xff", b'"x"', b"[" * 100_000])
def test_what_is_no_record_is_an_empty_one(line: bytes) -> None:
    assert record_of(line) == Record()


def test_a_logged_bundle_is_read_from_its_bundle_under_the_name_of_who_sent_it() -> None:
    bundle = {"audit_id": "another", "event": "ended", "model": "llama", "caller": "them", "logged_by": "nobody"}
    line = msgspec.json.encode(
        {"event": "logged", "audit_id": "run-00001", "source": {"principal": "key:other"}, "bundle": bundle}
    )
    record = record_of(line)
    assert (record.event, record.audit_id, record.model) == ("logged", "run-00001", "llama")
    assert (record.caller, record.logged_by) == ("them", "key:other")


def test_nobody_marks_an_exchange_of_ours_as_reported() -> None:
    assert record_of(an_ended(logged_by="someone")).logged_by is None


def test_how_long_it_ran_is_the_latest_that_anything_tells() -> None:
    assert record_of(an_ended()).ran_ns == 768_000_000
    assert record_of(an_ended(total_ms=None)).ran_ns == 760_000_000
    assert record_of(an_ended(total_ms=1)).ran_ns == 760_000_000
    assert record_of(b"{}").ran_ns == 0
