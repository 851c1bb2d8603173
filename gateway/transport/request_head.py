"""A request as the bytes that go onto the wire first: its line, its headers, its framing."""

from gateway.transport import OutgoingRequest


def request_head(request: OutgoingRequest) -> bytes:
    """Gives everything up to and with the empty line; ValueError if a part would break out of its place.

    The parts come from parsed requests and from plugins. One line break in a value would be a second request, so
    they are looked for here, where nothing can get past.
    """
    body = request.body
    if type(body) is bytes:
        framing = b"\r\nContent-Length: %d\r\n\r\n" % len(body)
    elif body is None:
        framing = b"\r\n\r\n"
    elif request.length is not None:
        framing = b"\r\nContent-Length: %d\r\n\r\n" % request.length
    else:
        framing = b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    lines = [b"%b %b HTTP/1.1" % (request.method, request.target), *map(b": ".join, request.headers)]
    flat = b"".join(lines)
    if b"\n" in flat or b"\r" in flat or b"\0" in flat or lines[0].count(b" ") != 2:
        raise ValueError("a request's method, target or headers hold a line break, a NUL or a space out of place")
    return b"\r\n".join(lines) + framing
