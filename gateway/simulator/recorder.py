"""Keeps the last requests as they were received, for `GET /_last`."""

import base64
import codecs
import hashlib
from collections import deque
from collections.abc import Iterable

import msgspec

from gateway.simulator.asgi import JSON, Scope

KEPT_BYTES = 1024 * 1024
KEPT_REQUESTS = 32


class Received(msgspec.Struct, frozen=True):
    """A request: its start as received, the first KEPT_BYTES of its body, length and hash of all of it."""

    method: str
    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    head: bytes
    length: int
    sha256: str | None

    def view(self) -> JSON:
        """What `/_last` shows of it."""
        view: JSON = {
            "method": self.method,
            "path": self.path,
            "headers": joined(self.headers),
            "body_length": self.length,
            "body_sha256": self.sha256 or hashlib.sha256(self.head).hexdigest(),
        }
        try:
            # Only the end of a body that was cut here may stand in the middle of a character.
            view["body"] = codecs.getincrementaldecoder("utf-8")().decode(self.head, self.length == len(self.head))
        except UnicodeDecodeError:
            view["body_base64"] = base64.b64encode(self.head).decode()
        return view


class Recorder:
    """The last requests, newest last."""

    def __init__(self) -> None:
        self._kept: deque[Received] = deque(maxlen=KEPT_REQUESTS)

    def keep(self, received: Received) -> None:
        """Remember a request."""
        self._kept.append(received)

    def last(self) -> JSON:
        """The newest request, empty if there was none."""
        return self._kept[-1].view() if self._kept else {}

    def newest(self, count: int) -> list[JSON]:
        """The newest `count` requests, oldest first."""
        return [received.view() for received in list(self._kept)[-count:]] if count > 0 else []


def handshake_of(scope: Scope) -> Received:
    """The record of a websocket's handshake; what goes through it afterwards is not kept."""
    return Received("GET", raw_target(scope), tuple(scope["headers"]), b"", 0, None)


def raw_target(scope: Scope) -> str:
    """The path with its query string, byte for byte as it came."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; a repeated one is joined by a comma."""
    together: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        together[name] = f"{together[name]}, {value}" if name in together else value
    return together
