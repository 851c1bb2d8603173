"""Callers see theirs, and only a permission shows more."""

import pytest

from gateway.office.audit.sight import READ, WRITE, may_see
from gateway.testing import a_caller


@pytest.mark.parametrize(
    ("permissions", "mine", "others", "nobodys"),
    [
        (frozenset[str](), True, False, False),
        (frozenset((WRITE,)), True, False, False),
        (frozenset((READ,)), True, True, True),
        (frozenset(("*",)), True, True, True),
        (frozenset(("audit", "audit:*", "AUDIT:READ")), True, False, False),
    ],
)
def test_who_sees_whose(permissions: frozenset[str], mine: bool, others: bool, nobodys: bool) -> None:
    caller = a_caller(principal="key:me", permissions=permissions)
    assert [may_see(caller, "p-me", whose) for whose in ("p-me", "p-you", None)] == [mine, others, nobodys]
