"""Secrets are hidden by the names of members and by the look of texts, at any depth."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from policies.redacted_values import redacted_values
from policies.redaction import HIDDEN

PLAIN = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text("abc "),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text("abc"), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "Private-Key",
        "e_mail",
        "ssn",
        "API-Key",
        "token",
        "Authorization",
        "email",
        "phone",
        "pii",
        "Set-Cookie",
    ],
)
@pytest.mark.parametrize("value", ["x", 7, {"a": 1}, ["x"], True])
def test_a_member_of_a_secret_name_is_hidden_whatever_it_holds(name: str, value: Any) -> None:
    assert redacted_values({"deep": [{"er": {name: value}}]}) == {"deep": [{"er": {name: HIDDEN}}]}


def test_what_only_sounds_like_a_secret_stays() -> None:
    usage = {"input_tokens": 5, "token_count": 3, "emails": 2, "phone_model": "x", "token": None}
    assert redacted_values(usage) == usage


def test_personal_data_in_texts_and_names_is_hidden() -> None:
    assert redacted_values({"to": {"ada@example.com": ["call +1 415 555 0100"]}}) == {
        "to": {HIDDEN: [f"call {HIDDEN}"]}
    }


def test_secrets_in_texts_and_names_are_hidden() -> None:
    assert redacted_values({"note": ["key sk-abcdef123456"], "sk-abcdef123456": 1}) == {
        "note": [f"key {HIDDEN}"],
        HIDDEN: 1,
    }


@given(some.dictionaries(some.text("abc"), PLAIN))
def test_what_has_no_secret_is_unchanged(value: dict[str, Any]) -> None:
    assert redacted_values(value) == value
