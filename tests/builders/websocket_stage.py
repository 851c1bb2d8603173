"""Puts a gateway between the test and a websocket server that does what the test tells it to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.builders.gateway import RunningGateway, running_gateway

Session = Callable[[ServerConnection], Awaitable[None]]
Answer = Callable[[ServerConnection, Request], Awaitable[Response | None] | Response | None]


@dataclass(frozen=True, slots=True)
class WebsocketStage:
    """A running gateway, and the connections that came to the upstream behind it."""

    gateway: RunningGateway
    upstream: str
    connections: list[ServerConnection]

    @property
    def last(self) -> ServerConnection:
        return self.connections[-1]

    def connect(self, path: str = "/v1/realtime", *, key: str | None = "sk-any", **options: Any) -> connect:
        """A client's connection through the gateway, to be opened by `async with`."""
        headers = list(options.pop("additional_headers", []))
        if key is not None:
            headers.append(("Authorization", f"Bearer {key}"))
        options = {"max_size": None, "ping_interval": None, "proxy": None, **options}
        return connect(f"{self.gateway.url.replace('http', 'ws', 1)}{path}", additional_headers=headers, **options)

    async def record(self, audit_id: str) -> dict[str, Any]:
        """The `ended` line of an exchange; waits for it, and fails where there are two."""
        return await asyncio.to_thread(self.gateway.record_of, audit_id)

    async def records(self, count: int = 1) -> list[dict[str, Any]]:
        """The `ended` lines; waits until there are `count`."""
        return await asyncio.to_thread(self.gateway.records, count)


@asynccontextmanager
async def websocket_stage(
    session: Session,
    *,
    answer: Answer | None = None,
    subprotocols: Sequence[str] = (),
    max_size: int | None = None,
    **sections: Any,
) -> AsyncIterator[WebsocketStage]:
    """Runs `session` for each websocket that comes to the upstream; `answer` may refuse its handshake.

    `sections` are those of the settings file. The gateway has a loop of its own.
    """
    connections: list[ServerConnection] = []

    async def kept(connection: ServerConnection) -> None:
        connections.append(connection)
        await session(connection)

    offered = [Subprotocol(name) for name in subprotocols] or None
    options: dict[str, Any] = {"subprotocols": offered, "max_size": max_size, "ping_interval": None, "close_timeout": 1}
    async with serve(kept, "127.0.0.1", 0, process_request=answer, **options) as server:
        host, port = next(iter(server.sockets)).getsockname()
        upstream = f"http://{host}:{port}"
        running = running_gateway(upstream, **sections)
        gateway = await asyncio.to_thread(running.__enter__)
        try:
            yield WebsocketStage(gateway, upstream, connections)
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)


async def echo(connection: ServerConnection) -> None:
    """A session that gives back what it hears."""
    async for message in connection:
        await connection.send(message)


async def listen(connection: ServerConnection) -> None:
    """A session that says nothing, until it is closed."""
    await connection.wait_closed()


async def close_of(connection: ClientConnection | ServerConnection) -> tuple[int | None, str]:
    """Reads to the end of a connection; gives the code and reason of the close frame that came, None for none."""
    try:
        while True:
            await connection.recv()
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd is not None else (None, "")


def handshake(path: str = "/v1/realtime", *headers: str, key: str | None = "sk-any") -> bytes:
    """The bytes of an opening handshake, for a client that sends exactly those."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: gateway",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *([] if key is None else [f"Authorization: Bearer {key}"]),
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A client's frame as it goes over the wire, masked with zeros; at most 125 bytes."""
    return bytes([fin << 7 | opcode, 0x80 | len(payload)]) + bytes(4) + payload


def audit_id_of(connection: ClientConnection) -> str:
    """The audit id of an opened websocket."""
    assert connection.response is not None
    return connection.response.headers["x-lukhas-audit-id"]
