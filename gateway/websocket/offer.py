"""The client's side of a websocket until it is answered; the server gives one for each handshake."""

from typing import Protocol

from gateway.exchange import Headers, Received
from gateway.websocket.link import Link


class Offer(Protocol):
    """A handshake that waits for its answer; `gone` says that the client has left before that."""

    received: Received
    gone: bool

    def accept(self, headers: Headers, subprotocol: str | None) -> Link:
        """Opens the websocket, with `headers` beside those of the protocol."""
        ...

    def refuse(self, status: int, headers: Headers, body: bytes, reason: bytes = b"") -> None:
        """Answers with a whole HTTP reply, and closes the connection."""
        ...
