"""One client connection: reads requests within limits, hands each to the front, and writes the replies.

It is uvicorn's httptools protocol without ASGI in between: an ASGI message for each piece of a reply costs as
much as all the hooks together (docs/decisions/002-server.md). uvicorn keeps the listening and the life of the
connections.
"""

import asyncio
import functools
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from itertools import chain
from typing import Any, TypeAlias

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.server import ServerState

from gateway.errors import error_body
from gateway.exchange import Received
from gateway.server.handshake import fault_in
from gateway.server.request import REASONS, Limits, ServerClient
from gateway.server.websocket import ClientWebsocket, WebsocketFront

_LOG = logging.getLogger(__name__)
LINGER_SECONDS = 2.0
SECONDS_IN_A_CROWD = 2.0
ALWAYS_ANSWERED = (b"/healthz", b"/readyz", b"/metrics")
_JSON = (b"content-type", b"application/json")
_VERSIONS = ("1.1", "1.0")


Front: TypeAlias = Callable[[ServerClient], Coroutine[Any, Any, None]]


class GatewayProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with each request handed to the front instead of an ASGI application."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        front: Front,
        websockets: WebsocketFront,
        limits: Limits,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._front = front
        self._websockets = websockets
        self._limits = limits
        self._head_bytes = 0
        self._between_pieces = 0
        self._in_head = True
        self._address = ""
        self._closing: asyncio.TimerHandle | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._queue: deque[ServerClient] = deque()
        self._refused = False
        self._is_one_too_many = False
        self.http_version = "1.1"
        self.current: ServerClient | None = None
        self._latest: ServerClient | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = get_remote_addr(transport)
        self._address = peer[0] if peer else ""
        # The system gives the lowest number that is free: this one says how many files are open.
        self._is_one_too_many = transport.get_extra_info("socket").fileno() >= self._limits.files
        patience = SECONDS_IN_A_CROWD if self._is_one_too_many else self._limits.header_timeout
        self._head_timer = self.loop.call_later(patience, self._head_timed_out)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        for timer in (self._idle_timer, self._closing):
            if timer is not None:
                timer.cancel()
        for client in (self.current, *self._queue):
            if client is not None:
                client.lost()
        self._queue.clear()
        self.connections.discard(self)
        if self.flow is not None:
            self.flow.resume_writing()
        self.parser = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._idle_since = None
        if self._in_head:
            self._head_bytes += len(data)
        self._between_pieces += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(followed=upgrade.args[0] < len(data))
            return
        except (httptools.HttpParserError, httptools.HttpParserCallbackError):
            if not self._refused:
                self.refuse(400, "The request is not valid HTTP/1.1.", "invalid_http")
            return
        if not self._in_head:
            # Trailers, and what else may stand between the pieces of a body.
            if self._between_pieces > self._limits.max_header_bytes:
                self._refuse_head()
        elif self._head_bytes > self._limits.max_header_bytes:
            self._refuse_head()
        elif self._head_timer is None and self._head_bytes and not self._refused:
            self._head_timer = self.loop.call_later(self._limits.header_timeout, self._head_timed_out)

    # Parser callbacks.

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._in_head = False
        self._between_pieces = 0
        if self._head_timer is not None:
            self._stop_head_timer()
        size = len(self.url) + 4 * len(self.headers) + sum(map(len, chain.from_iterable(self.headers)))
        self._head_bytes = 0
        limit = self._limits.max_header_bytes
        if size > limit or len(self.url) > limit // 2:
            self._refuse_head()
            return
        if self._is_one_too_many and self.url not in ALWAYS_ANSWERED:
            self.refuse(503, "The gateway has too many connections. Try again.", "overloaded", retry_after=1)
            return
        self.http_version = self.parser.get_http_version()
        if self.http_version not in _VERSIONS:
            self.refuse(400, "This gateway speaks HTTP/1.1.", "invalid_http")
            return
        if self.parser.should_upgrade() and self._get_upgrade() == b"websocket":
            return
        received = Received(self.parser.get_method(), self.url, tuple(self.headers), self._address)
        keep_alive = self.http_version != "1.0" and self.parser.should_keep_alive() and not self._is_one_too_many
        client = ServerClient(self, received, keep_alive, self._limits)
        if client.ambiguity is not None:
            self.refuse(400, client.ambiguity, "invalid_http")
            return
        if self.parser.should_upgrade() and client.has_body and client.length != 0:
            self.refuse(400, "This gateway upgrades connections to websocket only.", "unsupported_upgrade")
            return
        before = self._latest
        self._latest = client
        if before is None or before.response_complete:
            self._begin(client)
        else:
            self.flow.pause_reading()
            self._queue.append(client)

    def on_body(self, body: bytes) -> None:
        self._between_pieces = 0
        client = self._latest
        if client is not None and not client.response_complete and not self._refused:
            client.body_came(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        client = self._latest
        if client is not None and not self._refused:
            client.body_ended()
            if client.response_complete and not client.keep_alive:
                self.close()

    # Requests.

    def _begin(self, client: ServerClient) -> None:
        self.current = client
        task = client.task = self.loop.create_task(self._front(client))
        self.tasks.add(task)
        task.add_done_callback(functools.partial(self._front_ended, client))

    def _front_ended(self, client: ServerClient, task: asyncio.Task[None]) -> None:
        """Lets no client wait for an answer that will not come: the front raised, or gave none."""
        self.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _LOG.error("a request to %r failed", client.received.target[:200], exc_info=error)
        if client.response_complete or self.transport.is_closing():
            return
        client.keep_alive = False
        if client.response_started or task.cancelled():
            client.abort()
        else:
            client.respond(500, (_JSON,), error_body("The gateway made an error of its own.", 500, "gateway_error"))

    def close(self) -> None:
        """Closes the connection once its client has read what was written; one that reads nothing is not waited for."""
        transport = self.transport
        if not transport.is_closing():
            transport.close()
            self._closing = self.loop.call_later(
                self._limits.write_timeout, self._close_at_last, transport.get_write_buffer_size()
            )

    def _close_at_last(self, unread: int) -> None:
        left = self.transport.get_write_buffer_size()
        if left < unread:
            self._closing = self.loop.call_later(self._limits.write_timeout, self._close_at_last, left)
        else:
            self.transport.abort()

    def reply_ended(self, client: ServerClient) -> None:
        """Goes on to the next request, or closes what may not go on."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if not client.keep_alive:
            self.flow.resume_reading()
            if client.more_body:
                self._linger()
            else:
                self.close()
        elif self.flow.write_paused:
            # No more questions are taken from a client that does not read its answers.
            self.flow.pause_reading()
            self._wait_idly()
        else:
            self._go_on()

    def resume_writing(self) -> None:
        """Called by the loop when the client has read most of what was written."""
        super().resume_writing()
        current = self.current
        if current is not None and current.response_complete and current.keep_alive and not self.transport.is_closing():
            self._idle_since = None
            self._go_on()

    def _go_on(self) -> None:
        """Begins the next request. Reading goes on once none is left behind it: a client cannot ask without an end."""
        client = self._queue.popleft() if self._queue else None
        if not self._queue:
            self.flow.resume_reading()
        if client is not None:
            self._begin(client)
        else:
            self.current = None
            self._wait_idly()

    def _wait_idly(self) -> None:
        """Closes the connection once it has been idle for long enough.

        One timer looks from time to time: to set one for each request costs more than all other care for its end.
        """
        self._idle_since = since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_at(since + self.timeout_keep_alive, self._idled)

    def _idled(self) -> None:
        self._idle_timer = None
        if self._idle_since is None:
            return
        until = self._idle_since + self.timeout_keep_alive
        if self.loop.time() < until:
            self._idle_timer = self.loop.call_at(until, self._idled)
        else:
            self.close()

    # Refusals of what is not a request.

    def refuse(self, status: int, message: str, code: str, retry_after: int | None = None) -> None:
        """Answers what cannot become an exchange, and closes the connection."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._stop_head_timer()
        if self.current is not None and not self.current.response_complete:
            self.close()
            return
        body = error_body(message, status, code)
        again = b"" if retry_after is None else b"retry-after: %d\r\n" % retry_after
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%bconnection: close\r\n\r\n%b"
            % (status, REASONS.get(status, b""), len(body), again, body)
        )
        self._linger()

    def _linger(self) -> None:
        """Closes the connection as one whose client still sends: closed at once, the answer could be lost to it."""
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.close)

    def _refuse_head(self) -> None:
        limit = self._limits.max_header_bytes
        if len(self.url) > limit // 2:
            self.refuse(414, f"The URL is longer than the {limit // 2} bytes that this gateway reads.", "url_too_long")
        else:
            self.refuse(
                431, f"The headers are longer than the {limit} bytes that this gateway reads.", "headers_too_long"
            )

    def _head_timed_out(self) -> None:
        self._head_timer = None
        if self._head_bytes:
            self.refuse(408, "The request's headers did not arrive in time.", "header_timeout")
        else:
            self.close()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def shutdown(self) -> None:
        """Closes the connection when it is idle, or else after the reply that it is about."""
        if self.current is None or self.current.response_complete:
            self.close()
        else:
            self.current.keep_alive = False

    # Websockets.

    def _get_upgrade(self) -> bytes | None:
        tokens: list[bytes] = []
        upgrade = None
        for name, value in self.headers:
            lower = name.lower()
            if lower == b"connection":
                tokens += [token.strip().lower() for token in value.split(b",")]
            elif lower == b"upgrade":
                upgrade = value.lower()
        return upgrade if b"upgrade" in tokens else None

    def _upgrade(self, followed: bool) -> None:
        """Hands a websocket's handshake on; `followed` says that bytes came behind it."""
        if self._refused:
            return
        current = self.current
        if self._get_upgrade() == b"websocket":
            received = Received(self.parser.get_method(), self.url, tuple(self.headers), self._address)
            fault = fault_in(received, self.http_version, followed)
            if fault is not None:
                self.refuse(400, fault, "invalid_handshake")
            elif current is not None and not current.response_complete:
                self.refuse(400, "A websocket cannot be opened behind an unanswered request.", "invalid_handshake")
            else:
                self._give_to_websocket(received)
        elif self._latest is not None:
            self._latest.keep_alive = False

    def _give_to_websocket(self, received: Received) -> None:
        self._stop_head_timer()
        self.connections.discard(self)
        limit = self._limits.max_message_bytes
        ClientWebsocket(self.transport, self.server_state, received, limit).begin(self._websockets)
