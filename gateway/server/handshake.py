"""The opening handshake of a websocket, RFC 6455 section 4.2: what is wrong with it, and the answer that opens it."""

import binascii
import re
from base64 import b64decode

from websockets.utils import accept_key

from gateway.exchange import Headers, Received

_KEY_BYTES = 16
_VERSION = b"13"
_TARGET = re.compile(rb"[\x21-\x7e]+")
_VALUE = re.compile(rb"[\x09\x20-\x7e\x80-\xff]*")
_TOKEN = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+")


def fault_in(received: Received, http_version: str, followed: bool) -> str | None:
    """Says what is wrong with a handshake, None for a good one; `followed` says that bytes came right behind it."""
    if received.method != b"GET" or http_version != "1.1":
        return "A websocket is opened by GET and HTTP/1.1."
    if _TARGET.fullmatch(received.target) is None:
        return "The address of a websocket must be ASCII; percent-encode what is not."
    if any(_VALUE.fullmatch(value) is None for _, value in received.headers):
        return "A header holds a control character."
    if received.header(b"transfer-encoding") is not None or received.header(b"content-length") not in (None, b"0"):
        return "The handshake of a websocket has no body."
    if followed:
        return "Nothing may follow the handshake of a websocket before it is answered."
    keys = _values(received.headers, b"sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        return "Sec-WebSocket-Key must be one header with 16 bytes in base64."
    if _values(received.headers, b"sec-websocket-version") != [_VERSION]:
        return "Sec-WebSocket-Version must be 13."
    offered = b",".join(_values(received.headers, b"sec-websocket-protocol"))
    if offered and any(_TOKEN.fullmatch(name.strip()) is None for name in offered.split(b",")):
        return "Sec-WebSocket-Protocol must be a list of tokens."
    return None


def switching(received: Received, headers: Headers, subprotocol: str | None) -> bytes:
    """Gives the bytes of the answer that opens the websocket."""
    key = received.header(b"sec-websocket-key") or b""
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept_key(key.decode("latin-1")).encode(),
    ]
    if subprotocol is not None:
        lines.append(b"Sec-WebSocket-Protocol: " + subprotocol.encode("latin-1"))
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"", b""])


def _values(headers: Headers, name: bytes) -> list[bytes]:
    return [value.strip() for key, value in headers if key.lower() == name]


def _is_key(value: bytes) -> bool:
    try:
        return len(b64decode(value, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False
