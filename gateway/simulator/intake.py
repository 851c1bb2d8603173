"""Takes a request's body in, keeping no more of it than the record and the endpoint need."""

import hashlib
from collections.abc import AsyncGenerator
from typing import Any

from gateway.simulator.asgi import Receive, Scope
from gateway.simulator.errors import ApiError, ClientLeft
from gateway.simulator.recorder import KEPT_BYTES, Received, raw_target

MAX_JSON_BYTES = 64 * 1024 * 1024


class Intake:
    """The body of one request, read once."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self._head = b""
        self._length = 0
        self._hash: Any = None
        self._ended = False

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it arrives. Raises ClientLeft."""
        while not self._ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._ended = True
                raise ClientLeft
            self._ended = not message.get("more_body", False)
            chunk: bytes = message.get("body", b"")
            if chunk:
                self._note(chunk)
                yield chunk

    async def whole(self) -> bytes:
        """The body in one piece. Raises ApiError 413 above MAX_JSON_BYTES, ClientLeft."""
        parts = []
        async for chunk in self.chunks():
            if self._length <= MAX_JSON_BYTES:
                parts.append(chunk)
            else:
                parts.clear()
        if self._length > MAX_JSON_BYTES:
            raise ApiError(413, f"The body is larger than {MAX_JSON_BYTES} bytes.", code="request_too_large")
        return b"".join(parts)

    async def drain(self) -> None:
        """Read on to the end, for an endpoint that did not. Raises ClientLeft."""
        async for _ in self.chunks():
            pass

    def received(self) -> Received:
        """The record of the request, as far as it was read."""
        return Received(
            method=self._scope["method"],
            path=raw_target(self._scope),
            headers=tuple(self._scope["headers"]),
            head=self._head,
            length=self._length,
            sha256=self._hash.hexdigest() if self._hash is not None else None,
        )

    def _note(self, chunk: bytes) -> None:
        before, self._length = self._length, self._length + len(chunk)
        if self._length > KEPT_BYTES:
            # A small body is hashed when somebody looks; a large one has to be hashed while it passes.
            if self._hash is None:
                self._hash = hashlib.sha256(self._head)
            self._hash.update(chunk)
        if before < KEPT_BYTES:
            self._head += chunk[: KEPT_BYTES - before]
