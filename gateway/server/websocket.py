"""One websocket of a client: waits with its handshake for the answer, then gives its frames over to a link."""

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, TypeAlias

from uvicorn.server import ServerState
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from gateway.exchange import Headers, Received
from gateway.server.handshake import switching
from gateway.transport.keep_alive import keep_alive
from gateway.websocket.link import LINGER_SECONDS, WAITING_MESSAGES, Link

_REASONS = {status: HTTPStatus(status).phrase.encode() for status in map(int, HTTPStatus)}


class ClientLink(Link):
    """The client's side of a websocket that has been accepted."""

    def __init__(self, max_message_bytes: int, closed: Callable[[], None]) -> None:
        protocol = ServerProtocol(state=OPEN, max_size=max_message_bytes)
        super().__init__(
            protocol,
            ping_interval=None,
            ping_timeout=None,
            close_timeout=LINGER_SECONDS,
            max_queue=WAITING_MESSAGES,
        )
        self._closed = closed

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        super().connection_lost(exc)
        self._closed()


class ClientWebsocket(asyncio.Protocol):
    """A client's handshake; implements `gateway.websocket.offer.Offer`."""

    def __init__(
        self, transport: asyncio.Transport, state: ServerState, received: Received, max_message_bytes: int
    ) -> None:
        self.received = received
        self.gone = False
        self._transport = transport
        self._state = state
        self._max_message_bytes = max_message_bytes
        self._answered = False
        self._task: asyncio.Task[None] | None = None

    def begin(self, front: "WebsocketFront") -> None:
        """Takes the connection over and asks the front; uvicorn's shutdown waits for the task."""
        self._state.connections.add(self)  # type: ignore[arg-type] # all it asks of a connection is `shutdown`
        self._transport.set_protocol(self)
        self._transport.resume_reading()
        task = self._task = asyncio.get_running_loop().create_task(front(self))
        self._state.tasks.add(task)
        task.add_done_callback(self._ended)

    def shutdown(self) -> None:
        """Called by the server when it stops."""
        if self._task is not None:
            self._task.cancel()

    # What the loop tells it before the answer.

    def data_received(self, data: bytes) -> None:
        """Ends a client that speaks before it is answered."""
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gives the handshake up."""
        self._closed()
        if not self._answered and self._task is not None:
            self.gone = True
            self._task.cancel()

    # What the front asks of it.

    def accept(self, headers: Headers, subprotocol: str | None) -> ClientLink:
        """Opens the websocket."""
        self._answered = True
        keep_alive(self._transport)
        self._transport.write(switching(self.received, headers, subprotocol))
        link = ClientLink(self._max_message_bytes, self._closed)
        link.connection_made(self._transport)
        self._transport.set_protocol(link)
        return link

    def refuse(self, status: int, headers: Headers, body: bytes, reason: bytes = b"") -> None:
        """Answers with a whole HTTP reply, and closes the connection."""
        self._answered = True
        head = [b"HTTP/1.1 %d %b\r\n" % (status, reason or _REASONS.get(status, b""))]
        for name, value in headers:
            head += (name, b": ", value, b"\r\n")
        if status not in (204, 304):
            head.append(b"Content-Length: %d\r\n" % len(body))
        self._transport.write(b"".join((*head, b"Connection: close\r\n\r\n", body)))
        self._transport.close()

    def _closed(self) -> None:
        self._state.connections.discard(self)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._state.tasks.discard(task)
        self._transport.close()


WebsocketFront: TypeAlias = Callable[[ClientWebsocket], Coroutine[Any, Any, None]]
