"""One model server of the settings: where it is, whose key opens it, and the request as it goes there."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from gateway.answers import Refusal
from gateway.exchange import Exchange, Headers
from gateway.headers import forwarded
from gateway.transport import OutgoingRequest, Transport
from identity.caller import Caller

NO_KEY = Refusal(
    "The gateway has no upstream key for this call: set OPENAI_API_KEY, or `upstream.api_key` in the settings.",
    code="upstream_key_missing",
    status=503,
)


class Upstream:
    """A named upstream; `url` holds the path prefix that takes the place of /v1."""

    def __init__(self, name: str, url: str, api_key: str | None, transport: Transport) -> None:
        parts = urlsplit(url)
        self.name = name
        self.url = url
        self.transport = transport
        self._host = parts.netloc.rpartition("@")[2].encode("latin-1")
        self._prefix = parts.path.rstrip("/").encode("latin-1")
        self._authorization = f"Bearer {api_key}".encode("latin-1") if api_key else None

    def refusal(self, caller: Caller) -> Refusal | None:
        """Says why a caller cannot be carried to this upstream."""
        return NO_KEY if caller.upstream_key == "operator" and self._authorization is None else None

    def target(self, received: bytes, prefix_length: int) -> bytes:
        """Gives the raw path and query at the upstream: its own prefix in the place of the gateway's."""
        target = self._prefix + received[prefix_length:]
        return target if target.startswith(b"/") else b"/" + target

    def headers(self, exchange: Exchange, *, readable: bool) -> Headers:
        """Gives the headers as they go there, with the key that pays; `readable` as in `forwarded`."""
        caller = exchange.caller
        authorization = self._authorization if caller is not None and caller.upstream_key == "operator" else None
        return forwarded(exchange.received.headers, self._host, authorization, readable=readable)

    def own_headers(self) -> Headers | None:
        """Gives the headers of what the gateway asks for itself, with the operator's key; None where there is none."""
        if self._authorization is None:
            return None
        return (b"Host", self._host), (b"Authorization", self._authorization)

    def outgoing(
        self,
        exchange: Exchange,
        prefix_length: int,
        stream: AsyncIterator[bytes] | None,
        length: int | None,
        again: int = 0,
    ) -> OutgoingRequest:
        """Gives the request as it goes onto the wire; `again` counts those of the same exchange that had a reply.

        They are other requests, which the client's idempotency key must not make the same.
        """
        received = exchange.received
        headers = self.headers(exchange, readable=True)
        if again:
            headers = tuple(
                (name, b"%b-%d" % (value, again)) if name.lower() == b"idempotency-key" else (name, value)
                for name, value in headers
            )
        body = stream if stream is not None else exchange.request.body
        if body == b"" and received.header(b"content-length") is None:
            body = None
        target = self.target(received.target, prefix_length)
        return OutgoingRequest(received.method, target, headers, body, length if stream is not None else None)
