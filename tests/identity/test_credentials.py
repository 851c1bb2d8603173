"""The credential that a request carries, and none where there could be two."""

import pytest

from identity.credentials import bearer, is_gateway_key


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (b"Bearer lk-1", b"lk-1"),
        (b"bearer lk-1", b"lk-1"),
        (b"BEARER  lk-1 ", b"lk-1"),
        (b"Bearer a b", b"a b"),
        (b"Bearer ", None),
        (b"Bearer", None),
        (b"Bearerlk-1", None),
        (b"Basic dTpw", None),
        (b"lk-1", None),
        (b"", None),
    ],
)
def test_a_bearer_token_is_what_stands_behind_the_scheme(value: bytes, token: bytes | None) -> None:
    assert bearer(value) == token


def test_no_header_has_no_token() -> None:
    assert bearer(None) is None


def test_a_gateway_key_is_told_by_its_beginning() -> None:
    assert is_gateway_key(b"lk-")
    assert not is_gateway_key(b"sk-lk-")
    assert not is_gateway_key(b"LK-1")
