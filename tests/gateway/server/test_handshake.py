"""Opening handshakes, good and bad."""

import pytest

from gateway.exchange import Received
from gateway.server.handshake import fault_in, switching

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
GOOD = {b"Sec-WebSocket-Key": KEY, b"Sec-WebSocket-Version": b"13"}


def handshake(*more: tuple[bytes, bytes], method: bytes = b"GET", target: bytes = b"/v1/realtime", **changed: bytes):
    headers = {**GOOD, **{name.replace("_", "-").encode(): value for name, value in changed.items()}}
    return Received(method, target, (*((name, value) for name, value in headers.items() if value), *more))


def test_a_good_handshake_has_no_fault():
    assert fault_in(handshake((b"Content-Length", b"0"), (b"X", b"caf\xe9\t")), "1.1", False) is None


@pytest.mark.parametrize(
    ("received", "version", "followed", "named"),
    [
        (handshake(method=b"POST"), "1.1", False, "GET"),
        (handshake(), "1.0", False, "HTTP/1.1"),
        (handshake(), "1.1", True, "follow"),
        (handshake(target=b"/v1/r\xc3\xa4"), "1.1", False, "ASCII"),
        (handshake((b"X", b"a\x01")), "1.1", False, "control character"),
        (handshake((b"Content-Length", b"2")), "1.1", False, "body"),
        (handshake((b"Transfer-Encoding", b"chunked")), "1.1", False, "body"),
        (handshake(Sec_WebSocket_Key=b""), "1.1", False, "Sec-WebSocket-Key"),
        (handshake(Sec_WebSocket_Key=b"c2hvcnQ="), "1.1", False, "Sec-WebSocket-Key"),
        (handshake(Sec_WebSocket_Key=b"!!"), "1.1", False, "Sec-WebSocket-Key"),
        (handshake((b"sec-websocket-key", KEY)), "1.1", False, "Sec-WebSocket-Key"),
        (handshake(Sec_WebSocket_Version=b"8"), "1.1", False, "Sec-WebSocket-Version"),
        (handshake(Sec_WebSocket_Version=b""), "1.1", False, "Sec-WebSocket-Version"),
        (handshake((b"Sec-WebSocket-Protocol", b"a,,b")), "1.1", False, "Sec-WebSocket-Protocol"),
        (handshake((b"Sec-WebSocket-Protocol", b"a b")), "1.1", False, "Sec-WebSocket-Protocol"),
    ],
)
def test_a_bad_handshake_is_told_what_is_wrong_with_it(received, version, followed, named):
    assert named in (fault_in(received, version, followed) or "")


def test_the_answer_proves_that_the_key_was_read():
    # The key and the answer are those of RFC 6455, section 1.3.
    head = switching(handshake(), ((b"X-Request-Id", b"r1"),), "realtime").split(b"\r\n")
    assert head[0] == b"HTTP/1.1 101 Switching Protocols"
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert b"Sec-WebSocket-Protocol: realtime" in head
    assert head[-3:] == [b"X-Request-Id: r1", b"", b""]
