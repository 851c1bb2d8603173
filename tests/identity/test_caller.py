"""A caller is frozen, and stands in records without a secret."""

import msgspec
import pytest

from gateway.testing import a_caller
from identity.caller import Caller


def test_a_caller_cannot_be_changed() -> None:
    caller = a_caller()
    with pytest.raises(AttributeError):
        caller.tier = "T5"  # type: ignore[misc]


def test_a_caller_has_no_permission_and_no_limit_to_its_models_unless_it_is_given() -> None:
    caller = Caller("key:1", "T1", "gateway_key", "operator")
    assert (caller.permissions, caller.models, caller.mode, caller.tools) == (frozenset(), None, None, ())


def test_a_caller_is_named_by_its_kind_of_answer_in_records() -> None:
    assert msgspec.to_builtins(a_caller("T3"))["answer"] == "caller"


def test_a_permission_is_had_by_name_or_by_all() -> None:
    assert a_caller(permissions=frozenset(("audit:write",))).may("audit:write")
    assert a_caller(permissions=frozenset(("*",))).may("audit:write")
    assert not a_caller(permissions=frozenset(("audit:read",))).may("audit:write")
