"""The request as it goes to an upstream: its path, its key, its body."""

from collections.abc import AsyncIterator

import pytest

from gateway.exchange import Headers, Received, Request
from gateway.testing import a_caller, an_exchange
from gateway.upstream import NO_KEY, Upstream
from tests.builders.fake_transport import FakeTransport

PASSED_THROUGH = a_caller("T1", kind="passthrough", upstream_key="caller")


def an_upstream(url: str = "https://api.openai.test/v1", api_key: str | None = "sk-op") -> Upstream:
    return Upstream("default", url, api_key, FakeTransport())


@pytest.mark.parametrize(
    ("url", "received", "prefix", "target"),
    [
        ("https://a.test/v1", b"/v1/models", 3, b"/v1/models"),
        (
            "https://a.test/v1/",
            b"/v1/models/a%2Fb:c?include[]=x&include[]=y",
            3,
            b"/v1/models/a%2Fb:c?include[]=x&include[]=y",
        ),
        ("https://a.test/openai/v2", b"/v1/models", 3, b"/openai/v2/models"),
        ("https://a.test", b"/v1/models", 3, b"/models"),
        ("https://a.test/v1", b"/models", 0, b"/v1/models"),
        ("https://a.test/v1", b"/v1", 3, b"/v1"),
        ("https://a.test/v1", b"/v1?x=1", 3, b"/v1?x=1"),
        ("https://a.test", b"/v1", 3, b"/"),
        ("https://a.test", b"/v1?x=1", 3, b"/?x=1"),
    ],
)
def test_the_upstreams_prefix_takes_the_place_of_v1_and_the_rest_stays_raw(
    url: str, received: bytes, prefix: int, target: bytes
) -> None:
    assert an_upstream(url).target(received, prefix) == target


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://a.test/v1", b"a.test"), ("http://a.test:81/v1", b"a.test:81"), ("http://u:p@[::1]:81/v1", b"[::1]:81")],
)
def test_the_host_is_the_upstreams_own_and_gives_no_password_away(url: str, host: bytes) -> None:
    assert an_upstream(url).outgoing(an_exchange(), 3, None, None).headers[0] == (b"Host", host)


def test_the_operators_key_is_for_callers_that_the_gateway_knows() -> None:
    key = {"Authorization": "Bearer lk-1"}
    known = an_upstream().outgoing(an_exchange(headers=key), 3, None, None)
    passed = an_upstream().outgoing(an_exchange(headers=key, caller=PASSED_THROUGH), 3, None, None)
    assert authorizations(known.headers) == [b"Bearer sk-op"]
    assert authorizations(passed.headers) == [b"Bearer lk-1"]


def test_nobody_gets_the_operators_key() -> None:
    exchange = an_exchange()
    exchange.caller = None
    assert authorizations(an_upstream().outgoing(exchange, 3, None, None).headers) == []


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_only_those_who_bring_their_own_are_carried(key: str | None) -> None:
    upstream = an_upstream(api_key=key)
    assert upstream.refusal(a_caller()) is NO_KEY
    assert upstream.refusal(PASSED_THROUGH) is None
    assert an_upstream().refusal(a_caller()) is None


def test_the_body_is_the_one_that_the_request_has_now() -> None:
    exchange = an_exchange()
    exchange.request = Request(exchange.endpoint, b"changed")
    assert an_upstream().outgoing(exchange, 3, None, 4).body == b"changed"


def test_an_empty_body_goes_out_only_where_one_was_announced() -> None:
    exchange = an_exchange(b"")
    assert an_upstream().outgoing(exchange, 3, None, None).body is None
    received = Received(b"POST", b"/v1/x", ((b"Content-Length", b"0"),))
    exchange.received = received
    assert an_upstream().outgoing(exchange, 3, None, None).body == b""


async def test_a_streamed_body_goes_out_with_the_length_that_the_client_announced() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"

    stream = pieces()
    outgoing = an_upstream().outgoing(an_exchange(), 3, stream, 3)
    assert (outgoing.body, outgoing.length) == (stream, 3)
    assert outgoing.method == b"POST"


def authorizations(headers: Headers) -> list[bytes]:
    return [value for name, value in headers if name.lower() == b"authorization"]


def test_a_later_request_of_an_exchange_has_a_key_of_its_own() -> None:
    exchange = an_exchange(headers={"Idempotency-Key": "k", "X-Other": "k"})

    def keys(again: int) -> dict[bytes, bytes]:
        return dict(an_upstream().outgoing(exchange, 3, None, None, again).headers)

    assert [keys(again)[b"Idempotency-Key"] for again in (0, 1, 2)] == [b"k", b"k-1", b"k-2"]
    assert keys(1)[b"X-Other"] == b"k"
