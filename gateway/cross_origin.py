"""Lets the pages of named origins ask the model API from a browser, which asks first whether it may (CORS)."""

import re

from gateway.client import Client
from gateway.client_behind import ClientBehind
from gateway.exchange import Headers, Received

_ANY = b"*"
_METHODS = b"GET, POST, PUT, PATCH, DELETE"
_TOKENS = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z, ]+")
_SECONDS_KNOWN = b"600"
_EXPOSED = b"*"


class CrossOrigin:
    """The origins that may ask, such as `https://app.example`; `*` is any."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origin.encode("latin-1") for origin in origins)

    def answered(self, client: Client) -> bool:
        """Answers a browser's question before the request; False where this is none, or of an origin that may not."""
        received = client.received
        if received.method != b"OPTIONS" or received.header(b"access-control-request-method") is None:
            return False
        allowed = self._allowed(received)
        if allowed is None:
            return False
        headers = [*allowed, (b"access-control-allow-methods", _METHODS), (b"access-control-max-age", _SECONDS_KNOWN)]
        wanted = received.header(b"access-control-request-headers")
        if wanted is not None and _TOKENS.fullmatch(wanted):
            headers.append((b"access-control-allow-headers", wanted))
        client.respond(204, tuple(headers), b"")
        return True

    def admitted(self, client: Client) -> Client:
        """Gives the client with an origin's headers on its reply; as it is where there is no such origin."""
        allowed = self._allowed(client.received)
        return (
            client
            if allowed is None
            else ClientOfOrigin(client, (*allowed, (b"access-control-expose-headers", _EXPOSED)))
        )

    def _allowed(self, received: Received) -> Headers | None:
        origin = received.header(b"origin")
        if origin is None:
            return None
        if _ANY in self._origins:
            return ((b"access-control-allow-origin", _ANY),)
        if origin in self._origins:
            return ((b"access-control-allow-origin", origin), (b"vary", b"Origin"))
        return None


class ClientOfOrigin(ClientBehind):
    """A client whose reply tells the browser that its page may read it."""

    def __init__(self, client: Client, allowed: Headers) -> None:
        super().__init__(client)
        self._allowed = allowed

    def respond(self, status: int, headers: Headers, body: bytes, reason: bytes = b"") -> None:
        """Sends a whole reply, with the origin's headers."""
        super().respond(status, self._with_origin(headers), body, reason)

    def start(self, status: int, headers: Headers, length: int | None, reason: bytes = b"") -> None:
        """Begins a reply, with the origin's headers."""
        super().start(status, self._with_origin(headers), length, reason)

    def _with_origin(self, headers: Headers) -> Headers:
        """Who may read is the gateway's to say: what the upstream said of it is left out."""
        return (*(pair for pair in headers if not pair[0].lower().startswith(b"access-control-")), *self._allowed)
