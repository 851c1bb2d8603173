"""How long and how much the upstream may take: the numbers behind the transport's errors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are seconds, sizes bytes. A timeout never fires early, and at most a fifth or half a second late.

    `first_byte_timeout` counts from the request being written to the reply's head being whole; while a streamed
    request body waits for its source it stands still. `between_chunks_timeout` stands still while the reader is
    the slow one. `max_reply_bytes` bounds everything that one reply brings, head and framing included.
    `idle_timeout` is below the five seconds after which Node and uvicorn hang up on an idle client, because
    a request that crosses with their goodbye is lost.
    """

    connect_timeout: float = 10.0
    first_byte_timeout: float = 600.0
    between_chunks_timeout: float = 600.0
    total_timeout: float | None = None
    idle_timeout: float = 4.0
    max_reply_bytes: int = 1 << 30
    max_header_bytes: int = 64 << 10
    max_connections: int = 4096
