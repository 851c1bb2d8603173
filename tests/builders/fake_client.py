"""A client without a socket: gives a request, takes what comes back, and minds the order of it."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import msgspec

from gateway.client import BodyTimeout, BodyTooLarge
from gateway.exchange import Headers, Received, first_header

JSON: Headers = ((b"Content-Type", b"application/json"), (b"Authorization", b"Bearer lk-test"))
CHAT = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hi"}]}'


class FakeClient:
    """Implements `gateway.client.Client`.

    `body` is the request's body: None for none, or its pieces, among which an exception is raised where it stands.
    What came back is in `status`, `headers`, `pieces`; `ending` is "answered", "finished" or "aborted", and a second
    one is an error of the gateway, as is a piece outside of a reply.
    """

    def __init__(
        self,
        body: bytes | Iterable[bytes | Exception] | None = CHAT,
        target: bytes = b"/v1/chat/completions",
        method: bytes = b"POST",
        headers: Headers = JSON,
        *,
        length: int | None = None,
    ) -> None:
        self.received = Received(method, target, headers, "127.0.0.1")
        self.gone = False
        self.paused = False
        self.has_body = body is not None
        self.length = len(body) if isinstance(body, bytes) else length
        self.closed_body = False
        self.status = 0
        self.reason = b""
        self.headers: Headers = ()
        self.announced: int | None = None
        self.pieces: list[bytes] = []
        self.ending: str | None = None
        self.ended = asyncio.Event()
        self.readable = asyncio.Event()
        self._body = [body] if isinstance(body, bytes) else list(body or ())
        self.task: asyncio.Task[None] | None = None

    # What the test asks of it.

    @property
    def sent(self) -> bytes:
        """All of the reply's body."""
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        """The reply's body as JSON."""
        return msgspec.json.decode(self.sent)

    @property
    def code(self) -> Any:
        """The code of the error that the reply is."""
        return self.json["error"]["code"]

    @property
    def audit_id(self) -> str:
        """The exchange's id, which stands once in each of our replies."""
        (value,) = [value for name, value in self.headers if name == b"x-lukhas-audit-id"]
        return value.decode()

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header of the reply, by its lower-case name."""
        return first_header(self.headers, name)

    def leave(self) -> None:
        """Hangs up, as the server tells it: marked as gone first, then cancelled."""
        self.gone = True
        assert self.task is not None
        self.task.cancel()

    # What the gateway asks of it.

    async def body(self, limit: int) -> bytes:
        return b"".join([piece async for piece in self.chunks(limit)])

    async def chunks(self, limit: int) -> AsyncGenerator[bytes, None]:
        total = 0
        try:
            if self.length is not None and self.length > limit:
                raise BodyTooLarge
            for piece in self._body:
                await asyncio.sleep(0)
                if isinstance(piece, Exception):
                    raise piece
                total += len(piece)
                if total > limit:
                    raise BodyTooLarge
                yield piece
        finally:
            self.closed_body = True

    def respond(self, status: int, headers: Headers, body: bytes, reason: bytes = b"") -> None:
        self._begin(status, headers, reason)
        self.pieces.append(body)
        self._end("answered")

    def start(self, status: int, headers: Headers, length: int | None, reason: bytes = b"") -> None:
        self._begin(status, headers, reason)
        self.announced = length

    def write(self, data: bytes) -> None:
        assert self.status and self.ending is None, "a piece outside of a reply"
        assert data, "an empty piece, which ends a chunked reply"
        self.pieces.append(data)

    def finish(self) -> None:
        assert self.status, "the end of a reply that did not begin"
        self._end("finished")

    def abort(self) -> None:
        self._end("aborted")

    async def drained(self) -> None:
        await self.readable.wait()

    def _begin(self, status: int, headers: Headers, reason: bytes) -> None:
        assert self.status == 0, "a second reply"
        names = [name.lower() for name, _ in headers]
        assert b"content-length" not in names and b"transfer-encoding" not in names, "framing is the server's"
        self.status, self.headers, self.reason = status, headers, reason

    def _end(self, ending: str) -> None:
        assert self.ending is None, f"{ending} after {self.ending}"
        self.ending = ending
        self.ended.set()


class StallingClient(FakeClient):
    """Reads nothing more after the first piece, until the server gives up on it."""

    def write(self, data: bytes) -> None:
        super().write(data)
        self.paused = True

    async def drained(self) -> None:
        await asyncio.sleep(0)
        raise BodyTimeout
