"""The client's side of an exchange: the request body as it comes, the reply as it goes.

The server gives one for each request; a test gives a fake. Writing never waits: `paused` says that the client
reads too slowly, and `drained` waits until it has caught up.
"""

from collections.abc import AsyncGenerator
from typing import Protocol

from gateway.exchange import Headers, Received


class ClientError(Exception):
    """The client's request cannot be read to its end."""


class BodyTooLarge(ClientError):
    """The request body is larger than the settings allow."""


class BodyTimeout(ClientError):
    """The client stopped sending its body, or stopped reading the reply."""


class Client(Protocol):
    """One request of a client, and the way its reply goes back.

    `length` is the announced length of the body in bytes, None where it is chunked; `has_body` whether there is one.
    """

    received: Received
    length: int | None
    has_body: bool

    @property
    def gone(self) -> bool:
        """Whether the client has left."""
        ...

    @property
    def paused(self) -> bool:
        """Whether the client reads too slowly."""
        ...

    async def body(self, limit: int) -> bytes:
        """Gives the whole body. Errors: BodyTooLarge above `limit` bytes, BodyTimeout."""
        ...

    def chunks(self, limit: int) -> AsyncGenerator[bytes, None]:
        """Gives the body piece by piece as it comes. Errors: BodyTooLarge, BodyTimeout."""
        ...

    def respond(self, status: int, headers: Headers, body: bytes, reason: bytes = b"") -> None:
        """Sends a whole reply, with the framing that belongs to it."""
        ...

    def start(self, status: int, headers: Headers, length: int | None, reason: bytes = b"") -> None:
        """Begins a reply whose body follows by `write`; `length` in bytes where it is known."""
        ...

    def write(self, data: bytes) -> None:
        """Sends a piece of the body."""
        ...

    def finish(self) -> None:
        """Ends the reply well."""
        ...

    def abort(self) -> None:
        """Ends the reply as one that broke: the connection is closed without the end of the framing."""
        ...

    async def drained(self) -> None:
        """Waits until the client has read what was written. Errors: BodyTimeout."""
        ...
