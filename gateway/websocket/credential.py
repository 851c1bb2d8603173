"""Takes the key out of the subprotocols, where a browser has to put it, since it cannot set an Authorization header."""

import msgspec

from gateway.exchange import Headers, Received

KEY_PROTOCOL = b"openai-insecure-api-key."
_OFFERED = b"sec-websocket-protocol"


def with_credential(received: Received) -> Received:
    """Gives the request with such a key in an Authorization header in place of the offered subprotocol.

    A header that is there already stays beside it: of two credentials none is believed.
    """
    offered = offered_protocols(received.headers)
    keys = [name[len(KEY_PROTOCOL) :] for name in offered if name.startswith(KEY_PROTOCOL)]
    if not keys:
        return received
    kept = [name for name in offered if not name.startswith(KEY_PROTOCOL)]
    headers = [pair for pair in received.headers if pair[0].lower() != _OFFERED]
    if kept:
        headers.append((b"Sec-WebSocket-Protocol", b", ".join(kept)))
    headers += ((b"Authorization", b"Bearer " + key) for key in keys)
    return msgspec.structs.replace(received, headers=tuple(headers))


def offered_protocols(headers: Headers) -> tuple[bytes, ...]:
    """Gives the subprotocols that a client offers, in its order."""
    return tuple(
        name.strip()
        for header, value in headers
        if header.lower() == _OFFERED
        for name in value.split(b",")
        if name.strip()
    )
