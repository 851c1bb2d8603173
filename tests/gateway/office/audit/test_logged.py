"""A bundle from another runtime is checked, redacted, and marked with who sent it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gateway.office.audit.logged import DEEPEST, bundle_in, logged_line
from gateway.office.refusing import Refused

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


def line(**bundle: Any) -> dict[str, Any]:
    return dict(msgspec.json.decode(logged_line("run-00001", bundle, "p-sender", NOW)))


def test_the_line_is_marked_with_its_source_and_not_with_what_the_bundle_claims() -> None:
    said = line(caller="admin", event="ended", source="openai", audit_id="run-00001", seal="x")
    assert list(said)[:2] == ["event", "audit_id"]
    assert (said["event"], said["caller"]) == ("logged", "p-sender")
    assert said["source"] == {"kind": "external", "principal": "p-sender"}
    assert said["bundle"]["caller"] == "admin"
    assert "seal" not in said


def test_what_lists_search_for_is_copied_where_it_has_our_type() -> None:
    said = line(model="llama" * 100, status=200, outcome=7, endpoint=None)
    assert (len(said["model"]), said["status"]) == (200, 200)
    assert "outcome" not in said and "endpoint" not in said
    assert "status" not in line(status=True)


def test_a_logged_bundle_began_when_it_says_but_never_after_it_was_sent() -> None:
    assert line(started="2026-03-05T11:00:00Z")["started"] == "2026-03-05T11:00:00Z"
    assert line(started="2026-03-05T11:00:00")["started"] == "2026-03-05T11:00:00Z"
    for late in ((NOW + timedelta(days=1)).isoformat(), "soon", 7, None):
        assert line(started=late)["started"] == "2026-03-05T12:00:00Z"


def test_secrets_are_hidden_at_any_depth() -> None:
    said = line(steps=[{"headers": {"Authorization": "Bearer abc"}}], note="the key is sk-abcdef123456")
    assert said["bundle"]["steps"] == [{"headers": {"Authorization": "[redacted]"}}]
    assert said["bundle"]["note"] == "the key is [redacted]"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"audit_id":7}',
        b'{"audit_id":""}',
        b'{"audit_id":"short"}',
        b'{"audit_id":"with a blank"}',
        b'{"audit_id":"A-0000000\\n"}',
        b'{"audit_id":"run-00001","deep":' + b"[" * DEEPEST + b"1" + b"]" * DEEPEST + b"}",
        b'{"audit_id":"run-00001","deep":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"audit_id":"run-00001\xff"}',
    ],
)
def test_a_body_that_is_no_bundle_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as error:
        bundle_in(body)
    assert (error.value.refusal.status, error.value.refusal.code) == (400, "invalid_bundle")


def test_a_bundle_is_taken_with_all_that_it_says() -> None:
    assert bundle_in(b'{"audit_id":"run-00001","x":[1]}') == ("run-00001", {"audit_id": "run-00001", "x": [1]})
