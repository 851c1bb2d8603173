"""The measuring stick of the price guard: a small HTTP proxy that forwards and does nothing else.

Frozen: never optimise, extend or tidy this file. The guard divides the gateway's CPU by this proxy's, so a change
here moves the committed price of every commit before it.

    python -m perf.reference_proxy --port 8000 --upstream http://127.0.0.1:9000/v1
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast
from urllib.parse import urlsplit

import httptools
import uvicorn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_NOT_RETURNED = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"upgrade"))
_NOT_SENT = frozenset((*_NOT_RETURNED, b"host", b"content-length", b"te"))


class Connection(asyncio.Protocol):
    """One keep-alive connection to the upstream: one reply at a time, its pieces in a queue."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclasses of it
        self.open = True

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if hasattr(self, "pieces"):
            self.pieces.put_nowait(None)
            if not self.began.done():
                self.began.set_exception(ConnectionResetError("the upstream closed the connection"))

    def ask(self, request: bytes) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: list[tuple[bytes, bytes]] = []
        self.began: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.whole = False
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.began.set_result(None)

    def on_body(self, piece: bytes) -> None:
        self.pieces.put_nowait(piece)

    def on_message_complete(self) -> None:
        self.whole = True
        self.pieces.put_nowait(None)


class Proxy:
    """An ASGI application that sends every request to one upstream and its reply back."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.idle: list[Connection] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        connection = await self.connection()
        connection.ask(self.request(scope, body))
        await connection.began
        headers = [pair for pair in connection.headers if pair[0].lower() not in _NOT_RETURNED]
        await send({"type": "http.response.start", "status": connection.parser.get_status_code(), "headers": headers})
        while (piece := await connection.pieces.get()) is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        if connection.whole:
            self.idle.append(connection)

    async def connection(self) -> Connection:
        while self.idle:
            connection = self.idle.pop()
            if connection.open:
                return connection
        _, connection = await asyncio.get_running_loop().create_connection(Connection, self.host, self.port)
        return connection

    def request(self, scope: Message, body: bytes) -> bytes:
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        lines = [b"%b %b%b HTTP/1.1" % (scope["method"].encode(), scope["raw_path"], query)]
        lines.append(b"host: %b:%d" % (self.host.encode(), self.port))
        lines.extend(b"%b: %b" % pair for pair in scope["headers"] if pair[0] not in _NOT_SENT)
        lines.append(b"content-length: %d" % len(body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + body


def main(kind: type[Proxy] = Proxy) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True, help="http://127.0.0.1:PORT/v1")
    options = parser.parse_args()
    upstream = urlsplit(options.upstream)
    proxy = kind(upstream.hostname or "127.0.0.1", upstream.port or 80)
    uvicorn.run(
        proxy,
        host="127.0.0.1",
        port=options.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )


if __name__ == "__main__":
    main()
