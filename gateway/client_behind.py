"""A client that stands before another one, and passes on whatever it does not do otherwise."""

from collections.abc import AsyncGenerator

from gateway.client import Client
from gateway.exchange import Headers


class ClientBehind:
    """Implements `gateway.client.Client` by the client behind it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.received = client.received
        self.length = client.length
        self.has_body = client.has_body

    @property
    def gone(self) -> bool:
        """Whether the client has left."""
        return self._client.gone

    @property
    def paused(self) -> bool:
        """Whether the client reads too slowly."""
        return self._client.paused

    async def body(self, limit: int) -> bytes:
        """Gives the whole body."""
        return await self._client.body(limit)

    def chunks(self, limit: int) -> AsyncGenerator[bytes, None]:
        """Gives the body piece by piece."""
        return self._client.chunks(limit)

    def respond(self, status: int, headers: Headers, body: bytes, reason: bytes = b"") -> None:
        """Sends a whole reply."""
        self._client.respond(status, headers, body, reason)

    def start(self, status: int, headers: Headers, length: int | None, reason: bytes = b"") -> None:
        """Begins a reply."""
        self._client.start(status, headers, length, reason)

    def write(self, data: bytes) -> None:
        """Sends a piece of the body."""
        self._client.write(data)

    def finish(self) -> None:
        """Ends the reply well."""
        self._client.finish()

    def abort(self) -> None:
        """Ends the reply as one that broke."""
        self._client.abort()

    async def drained(self) -> None:
        """Waits until the client has read what was written."""
        await self._client.drained()
