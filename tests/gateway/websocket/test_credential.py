"""The key among the subprotocols."""

from gateway.exchange import Received
from gateway.websocket.credential import offered_protocols, with_credential
from identity.credentials import bearer


def offering(*values: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Received:
    offered = tuple((b"Sec-WebSocket-Protocol", value) for value in values)
    return Received(b"GET", b"/v1/realtime", ((b"Host", b"gateway"), *headers, *offered))


def test_the_key_becomes_the_credential_and_is_no_longer_offered():
    received = with_credential(offering(b"realtime, openai-insecure-api-key.sk-a.b, openai-beta.realtime-v1"))
    assert bearer(received.only(b"authorization")) == b"sk-a.b"
    assert offered_protocols(received.headers) == (b"realtime", b"openai-beta.realtime-v1")
    assert not any(b"insecure" in value for _, value in received.headers)


def test_protocols_are_read_across_headers():
    received = with_credential(offering(b"realtime", b"openai-insecure-api-key.k"))
    assert (bearer(received.only(b"authorization")), offered_protocols(received.headers)) == (b"k", (b"realtime",))


def test_without_such_a_key_nothing_changes():
    received = offering(b"realtime")
    assert with_credential(received) is received


def test_a_key_alone_leaves_no_empty_offer():
    received = with_credential(offering(b"openai-insecure-api-key.k"))
    assert received.header(b"sec-websocket-protocol") is None


def test_of_two_credentials_none_is_believed():
    beside = with_credential(offering(b"openai-insecure-api-key.k", headers=((b"Authorization", b"Bearer other"),)))
    twice = with_credential(offering(b"openai-insecure-api-key.k, openai-insecure-api-key.l"))
    assert (bearer(beside.only(b"authorization")), bearer(twice.only(b"authorization"))) == (None, None)
