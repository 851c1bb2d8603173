"""The way to the upstream: one async call, a byte stream back.

    reply = await transport.send(OutgoingRequest(b"POST", b"/v1/chat/completions", headers, body))
    while chunk := await reply.chunk():
        ...
    reply.close()

Anything with a `send` of this shape is a transport, so a test gives a fake one. What can go wrong:

    TransportError
    ├── ConnectError            no connection: refused, unknown name, TLS failed
    │   ├── ConnectTimeout      not connected within `connect_timeout`
    │   └── PoolExhausted       `max_connections` are in use and none came free within `connect_timeout`
    ├── FirstByteTimeout        connected and sent, but no status line within `first_byte_timeout`
    ├── ChunkTimeout            the reply fell silent for `between_chunks_timeout`
    ├── TotalTimeout            the whole exchange took longer than `total_timeout`
    ├── UpstreamBroken          the connection ended before the reply did, or while the request was sent
    ├── UpstreamInvalid         what came back is not HTTP that can be read in exactly one way
    ├── ReplyTooLarge           headers or body over their limits
    └── RequestBroken           the request's streamed body was not as long as it said: ours or the client's fault
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Headers = tuple[tuple[bytes, bytes], ...]


class TransportError(Exception):
    """The upstream could not be asked, or its answer could not be read to the end."""


class ConnectError(TransportError):
    """No connection to the upstream: nothing was sent."""


class ConnectTimeout(ConnectError):
    """No connection within `connect_timeout`: nothing was sent."""


class FirstByteTimeout(TransportError):
    """The upstream took the request and did not begin to answer in time."""


class ChunkTimeout(TransportError):
    """The upstream began to answer and then fell silent for too long."""


class TotalTimeout(TransportError):
    """The exchange with the upstream took longer than it may take in all."""


class UpstreamBroken(TransportError):
    """The connection ended before the reply did."""


class UpstreamInvalid(TransportError):
    """The upstream's bytes are not HTTP that can be read in exactly one way."""


class ReplyTooLarge(TransportError):
    """The reply's headers or body are larger than the settings allow."""


class RequestBroken(TransportError):
    """The request's streamed body was shorter or longer than its `length`: the upstream never saw it whole."""


class PoolExhausted(ConnectError):
    """All connections that the settings allow are in use: nothing was sent."""


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """One request as it goes onto the wire.

    `target` is the raw path and query. `headers` hold everything, `Host` included, but the framing (`Content-Length`,
    `Transfer-Encoding`), which the transport writes: `Content-Length` for a body in bytes or a stream whose
    `length` is known, `chunked` for any other stream, none where `body` is None. A stream stays its maker's to close;
    an exception that it raises comes out of `send` as it is. An answer that begins before the stream has ended
    ends the upload.
    """

    method: bytes
    target: bytes
    headers: Headers
    body: bytes | AsyncIterator[bytes] | None = None
    length: int | None = None


Take: TypeAlias = Callable[[bytes], bool]
"""Says whether it has taken a piece of a body."""


class IncomingReply(Protocol):
    """One reply: status and headers at once, the body as it comes.

    `headers` are as received, in order, names in the upstream's spelling; `reason` is the reason phrase.
    """

    status: int
    reason: bytes
    headers: Headers

    async def chunk(self, take: Take | None = None) -> bytes:
        """Gives the next piece of the body as it came (chunked framing removed), b"" at its end.

        A piece for which someone waits here goes to `take` first, within the call of the loop that brought it: what it
        takes is not given, and nobody is woken for it. It must not wait and not raise.
        """
        ...

    async def read(self, limit: int) -> bytes:
        """Gives the rest of the body whole; ReplyTooLarge if it is longer than `limit` bytes."""
        ...

    def close(self) -> None:
        """Lets go of the reply: back to the pool if it was read to its end, else the connection is closed.

        Safe to call twice and from any callback; it never waits.
        """
        ...


class Transport(Protocol):
    """What the pipeline asks of a way to an upstream."""

    async def send(self, request: OutgoingRequest) -> IncomingReply:
        """Sends the request, gives the reply once its headers are here. Errors: the tree above.

        Cancelling the call closes the connection. A request is sent at most once: nothing is retried,
        apart from a pooled connection that turns out to be closed before a byte of the request was written.
        """
        ...

    async def aclose(self) -> None:
        """Closes idle connections at once, and the busy ones when their replies end."""
        ...
