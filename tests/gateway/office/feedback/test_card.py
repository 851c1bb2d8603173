"""A card as it is kept: bounded, cleaned, and held against what the policy did."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from gateway.office.feedback.card import CardSent, disagrees, is_proven, kept_card, rating_of
from gateway.testing import a_caller
from identity.caller import Caller
from identity.keyring import Person

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PERSON = Person("p-0a0a0a0a0a0a0a0a0a0a", bytes(32))


@pytest.mark.parametrize(
    "wrong",
    [
        {"rating": 0},
        {"rating": 6},
        {"rating": 4.5},
        {"rating": None},
        {"rating": "good"},
        {"note": "x" * 2001},
        {"tags": ["x"] * 17},
        {"tags": ["x" * 65]},
        {"user_id": "x" * 257},
        {"context_hash": "not a hash"},
        {"target_action_id": "x" * 129},
        {"intent": "soften"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_a_card_cannot_say_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"target_action_id": "A-1", "rating": 3, **wrong}, CardSent, strict=False)


@pytest.mark.parametrize(
    ("said", "rating"),
    [
        ({"rating": 4}, 4),
        ({"intent": "affirm"}, 5),
        ({"intent": "reject"}, 1),
        ({"intent": "reject", "rating": 1}, 1),
        ({"intent": "reject", "rating": 5}, None),
        ({}, None),
    ],
)
def test_an_intent_may_stand_in_the_place_of_a_rating(said: dict[str, Any], rating: int | None) -> None:
    assert rating_of(msgspec.convert({"target_action_id": "A-1", **said}, CardSent)) == rating


def test_members_that_nobody_knows_are_left_alone() -> None:
    assert msgspec.convert({"target_action_id": "A-1", "rating": 3, "later": 1}, CardSent) == CardSent("A-1", 3)


def test_users_beneath_one_caller_are_told_apart_and_not_named() -> None:
    caller = a_caller(principal="key:0123456789abcdef0123")
    first, second, again = (
        kept_card(CardSent("A-1", 3, user_id=user), caller, PERSON, NOW, rating=3, disagrees=False).sub_user
        for user in ("ada", "bob", "ada")
    )
    assert first == again != second
    other = Person("p-0b0b0b0b0b0b0b0b0b0b", bytes(31) + b"\x01")
    assert kept_card(CardSent("A-1", 3, user_id="ada"), caller, other, NOW, rating=3, disagrees=False).sub_user != first


def test_a_short_principal_is_a_word_like_any() -> None:
    caller = a_caller(principal="admin")
    assert (
        kept_card(CardSent("A-1", 3, "ask the admin"), caller, PERSON, NOW, rating=3, disagrees=False).note
        == "ask the admin"
    )


@pytest.mark.parametrize(
    ("caller", "proven"),
    [
        (Caller("key:1", "T2", "gateway_key", "operator"), True),
        (Caller("key:1", "T1", "gateway_key", "operator"), False),
        (Caller("upstream:1", "T1", "passthrough", "caller"), False),
        (Caller("admin", "T5", "admin", "operator"), True),
    ],
    ids=["key", "low key", "passed through", "admin"],
)
def test_who_has_shown_who_they_are_counts_at_once(caller: Caller, proven: bool) -> None:
    assert is_proven(caller) is proven


@pytest.mark.parametrize(
    ("line", "speaks_against"),
    [
        (b'{"safety_mode":"balanced"}', False),
        (b'{"safety_mode":"strict"}', True),
        (b'{"safety_mode":"creative"}', True),
        (b'{"changes":[{"hook":"shape"}]}', True),
        (b'{"changes":[{"hook":"shape","applied":false}]}', False),
        (b'{"changes":[{"hook":"review","in_reply":true}]}', False),
        (b'{"changes":7}', False),
        (b"{", False),
    ],
)
def test_a_bad_rating_of_what_the_policy_changed_speaks_against_it(line: bytes, speaks_against: bool) -> None:
    assert disagrees(line, 1) is speaks_against
    assert disagrees(line, 2) is speaks_against
    assert not disagrees(line, 3)


def test_a_record_that_is_no_utf_8_speaks_against_nothing() -> None:
    assert not disagrees(b'{"safety_mode": "strict\xff"}', 1)
