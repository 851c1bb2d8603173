"""Secrets do not stand in logs, wherever they stood in a text."""

import json

import pytest

from policies.redaction import HIDDEN, redacted

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abcdef123456",
        "sk-proj-Abc_def-123456789",
        "lk-0123456789",
        "rk-abcdef1",
        "pk-abcdef1",
        "sk_live_abcdef123456",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "github_pat_0123456789abcdefghij_0123",
        "xoxb-0123456789-abcdef",
        "AIzaSyA-0123456789abcdefghijklmnopqrstu",
        "hf_0123456789abcdefghij",
        "glpat-0123456789abcdefghij",
        JWT,
        JWT.rpartition(".")[0],
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", "key={} was wrong", '"{}"', "my_{}", "https://a.test/?k={}&x=1", "({}).", "a,{},b"]
)
def test_a_key_is_hidden_wherever_it_stands(secret: str, around: str) -> None:
    assert redacted(around.format(secret)) == around.format(HIDDEN)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_token_of_any_kind_is_hidden_and_its_scheme_stays(scheme: str) -> None:
    assert redacted(f"authorization: {scheme} anything/+=~ at all") == f"authorization: {scheme} {HIDDEN} at all"


def test_a_token_that_begins_like_what_stands_for_one_is_hidden() -> None:
    assert redacted("Bearer YOUR_KEY-4711 and Bearer YOUR_KEYS") == f"Bearer {HIDDEN} and Bearer {HIDDEN}"


def test_a_name_with_its_password_is_hidden() -> None:
    assert redacted("Authorization: Basic dXNlcjpwYXNzd29yZA==") == f"Authorization: Basic {HIDDEN}"


def test_a_private_key_is_hidden_also_where_its_end_is_missing() -> None:
    key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB\n"
    assert redacted(f"the key {key}-----END EC PRIVATE KEY-----.") == f"the key {HIDDEN}."
    assert redacted(f"the key {key}") == f"the key {HIDDEN}"


def test_every_secret_of_a_text_is_hidden() -> None:
    assert redacted("sk-abcdef1 and lk-abcdef1") == f"{HIDDEN} and {HIDDEN}"


@pytest.mark.parametrize(
    "text",
    [
        "gpt-4o-mini",
        "send it in a header (Authorization: Bearer YOUR_KEY).",
        "Authorization: Bearer YOUR_API_KEY",
        "risk-assessment",
        "basic understanding",
        "a ghost",
        "Asia",
        "pk_column",
        "hf_model",
        "private key",
        "task-1234567",
        "sk-",
        "a bearer",
        "eyJ",
        "Grüße",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_what_is_redacted_can_be_written() -> None:
    assert json.dumps(redacted("\ud800 x"), ensure_ascii=False).encode() == b'"? x"'


def test_a_long_text_is_read_in_a_moment() -> None:
    assert redacted("eyJ" * 100_000 + "sk-" * 100_000).startswith("eyJ")
