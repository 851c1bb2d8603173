from collections.abc import AsyncIterator

import pytest

from gateway.transport import Headers, OutgoingRequest
from gateway.transport.request_head import request_head
from tests.builders.transports import pieces_of

HOST = ((b"Host", b"upstream"), (b"X-A", b"b"))


@pytest.mark.parametrize(
    ("body", "length", "framing"),
    [
        (None, None, b""),
        (b"", None, b"Content-Length: 0\r\n"),
        (b"hello", None, b"Content-Length: 5\r\n"),
        (pieces_of(b"hello"), 5, b"Content-Length: 5\r\n"),
        (pieces_of(), 0, b"Content-Length: 0\r\n"),
        (pieces_of(b"hello"), None, b"Transfer-Encoding: chunked\r\n"),
    ],
)
def test_frames_a_body_by_what_is_known_of_it(
    body: bytes | AsyncIterator[bytes] | None, length: int | None, framing: bytes
) -> None:
    head = request_head(OutgoingRequest(b"PUT", b"/a?b=%2F", HOST, body, length))
    assert head == b"PUT /a?b=%2F HTTP/1.1\r\nHost: upstream\r\nX-A: b\r\n" + framing + b"\r\n"


def test_headers_may_be_absent() -> None:
    assert request_head(OutgoingRequest(b"GET", b"/", ())) == b"GET / HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize("evil", [b"\r\n", b"\n", b"\r", b"\0", b"x\r\nX-Smuggled: y"])
@pytest.mark.parametrize("place", ["method", "target", "name", "value"])
def test_nothing_breaks_out_of_its_place(evil: bytes, place: str) -> None:
    parts = {"method": b"GET", "target": b"/", "name": b"X-A", "value": b"b"}
    parts[place] += evil
    headers: Headers = (*HOST, (parts["name"], parts["value"]))
    with pytest.raises(ValueError, match="line break"):
        request_head(OutgoingRequest(parts["method"], parts["target"], headers))


@pytest.mark.parametrize(("method", "target"), [(b"GET /x", b"/"), (b"GET", b"/ HTTP/1.0"), (b"GET", b"/a b")])
def test_a_space_in_the_request_line_is_refused(method: bytes, target: bytes) -> None:
    with pytest.raises(ValueError, match="space"):
        request_head(OutgoingRequest(method, target, HOST))
