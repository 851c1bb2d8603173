"""The credential that a request carries, and none where there could be two."""

import pytest

from identity.credentials import api_key, bearer, is_gateway_key


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
    assert bearer(((b"X-A", b"1"), (b"AUTHORIZATION", value))) == token


def test_two_authorizations_are_none() -> None:
    assert bearer(((b"Authorization", b"Bearer a"), (b"authorization", b"Bearer a"))) is None
    assert bearer(((b"Authorization", b"Basic x"), (b"authorization", b"Bearer a"))) is None
    assert bearer(()) is None


def test_an_api_key_is_the_value_of_its_one_header() -> None:
    assert api_key(((b"X-API-Key", b" lk-1 "),)) == b"lk-1"
    assert api_key(((b"x-api-key", b""),)) is None
    assert api_key(((b"x-api-key", b"a"), (b"X-Api-Key", b"b"))) is None
    assert api_key(((b"Authorization", b"Bearer a"),)) is None


def test_a_gateway_key_is_told_by_its_beginning() -> None:
    assert is_gateway_key(b"lk-")
    assert not is_gateway_key(b"sk-lk-")
    assert not is_gateway_key(b"LK-1")
