"""Audit ids: a prefix, a UUID of version 7, sorted by the millisecond."""

from uuid import UUID

from gateway.audit_id import new_audit_id


def test_an_id_is_the_prefix_and_a_uuid_of_version_7() -> None:
    prefix, uuid = new_audit_id()[:2], UUID(new_audit_id()[2:])
    assert (prefix, uuid.version) == ("A-", 7)


def test_ids_are_all_different_and_sort_by_the_millisecond() -> None:
    ids = [new_audit_id() for _ in range(2000)]
    assert len(set(ids)) == 2000
    assert [each[:15] for each in ids] == sorted(each[:15] for each in ids)
