"""Which headers cross the gateway, in which spelling, and which end here."""

from time import process_time

import pytest

from gateway.exchange import Headers
from gateway.headers import forwarded, returned

HOST = (b"Host", b"upstream.test")


def sent(*headers: tuple[bytes, bytes], authorization: bytes | None = None, readable: bool = True) -> Headers:
    """What goes to the upstream behind its own Host."""
    host, *rest = forwarded(headers, b"upstream.test", authorization, readable=readable)
    assert host == HOST
    return tuple(rest)


def test_headers_keep_their_spelling_order_and_number() -> None:
    headers = ((b"X-ONE", b"1"), (b"x-two", b""), (b"X-One", b"2"), (b"Content-Type", b"a/b; c=d"))
    assert sent(*headers) == headers
    assert returned(headers) == headers


HOP_BY_HOP = (
    b"Connection",
    b"Keep-Alive",
    b"Proxy-Connection",
    b"Proxy-Authenticate",
    b"Proxy-Authorization",
    b"TE",
    b"Trailer",
    b"Transfer-Encoding",
    b"Upgrade",
    b"Content-Length",
    b"X-Lukhas-Anything",
)


@pytest.mark.parametrize("name", [each for name in HOP_BY_HOP for each in (name.lower(), name.upper(), name.title())])
def test_hop_by_hop_headers_end_here_both_ways(name: bytes) -> None:
    header = (name, b"close" if name.lower() == b"connection" else b"1")
    assert sent(header) == ()
    assert returned((header,)) == ()


@pytest.mark.parametrize("name", [b"Host", b"Expect", b"X-API-Key"])
def test_what_is_for_the_gateway_alone_ends_here_on_the_way_in(name: bytes) -> None:
    assert sent((name, b"1")) == ()
    assert returned(((name, b"1"),)) == ((name, b"1"),)


def test_the_headers_that_any_connection_header_names_end_here() -> None:
    headers = ((b"A", b"1"), (b"Connection", b"Keep-Alive"), (b"b", b"2"), (b"connection", b"a , B"), (b"C", b"3"))
    assert sent(*headers) == ((b"C", b"3"),)
    assert returned(headers) == ((b"C", b"3"),)


def test_a_header_that_an_ordinary_connection_header_seems_to_name_passes() -> None:
    assert sent((b"Connection", b"close"), (b"Close", b"1")) == ((b"Close", b"1"),)


def test_the_operators_key_takes_the_place_of_the_callers() -> None:
    caller = (b"authorization", b"Bearer lk-secret")
    assert sent(caller, caller, authorization=b"Bearer sk-op") == ((b"Authorization", b"Bearer sk-op"),)
    assert sent(caller) == (caller,)


@pytest.mark.parametrize(
    ("asked", "reduced"),
    [
        (b"gzip, deflate, br, zstd", b"gzip, deflate"),
        (b"gzip;q=0.5 , br;q=1, identity", b"gzip;q=0.5, identity"),
        (b"GZIP", b"GZIP"),
        (b"br", b"identity"),
        (b"*", b"identity"),
        (b"", b"identity"),
    ],
)
def test_nothing_is_asked_for_that_cannot_be_decoded(asked: bytes, reduced: bytes) -> None:
    assert sent((b"Accept-Encoding", asked)) == ((b"Accept-Encoding", reduced),)
    assert sent((b"Accept-Encoding", asked), readable=False) == ((b"Accept-Encoding", asked),)


def test_a_reply_gets_what_is_added_last() -> None:
    assert returned(((b"a", b"1"),), (b"x-lukhas-audit-id", b"A-1")) == ((b"a", b"1"), (b"x-lukhas-audit-id", b"A-1"))


def test_a_changed_reply_loses_what_was_said_about_its_bytes() -> None:
    digests = tuple(
        (name, b"1") for name in (b"Content-Encoding", b"Content-MD5", b"Digest", b"Content-Digest", b"ETag")
    )
    assert returned((*digests, (b"Content-Type", b"x")), changed=True) == ((b"Content-Type", b"x"),)
    assert returned(digests) == digests


def test_a_connection_header_of_many_names_costs_no_more_than_its_length() -> None:
    headers = ((b"Connection", b",".join([b"x-other"] * 8000)), *((b"x", b"1"),) * 5000)
    began = process_time()
    assert len(sent(*headers)) == 5000
    assert process_time() - began < 0.1
