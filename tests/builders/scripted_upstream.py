"""An upstream that sends exactly the bytes a test tells it to, on a real socket."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as it came over the wire; `head` ends with the empty line, `body` has its chunks joined."""

    head: bytes
    body: bytes

    @property
    def line(self) -> bytes:
        return self.head.split(b"\r\n", 1)[0]


class Link:
    """One connection that somebody opened to the upstream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.gone = asyncio.Event()

    async def head(self) -> bytes:
        """Waits for a request's head; IncompleteReadError if the client hangs up in place of it."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def request(self) -> ReceivedRequest:
        """Waits for a whole request."""
        head = await self.head()
        fields = head.lower()
        if b"\r\ntransfer-encoding: chunked" in fields:
            return ReceivedRequest(head, await self._chunks())
        if b"\r\ncontent-length: " not in fields:
            return ReceivedRequest(head, b"")
        length = int(fields.split(b"\r\ncontent-length: ")[1].split(b"\r\n")[0])
        return ReceivedRequest(head, await self.reader.readexactly(length))

    async def send(self, data: bytes) -> None:
        """Sends; ConnectionResetError if the client has hung up."""
        if self.writer.is_closing():
            raise ConnectionResetError
        self.writer.write(data)
        await self.writer.drain()

    async def send_each(self, data: bytes) -> None:
        """Sends byte after byte, with time between them for the other side to see each alone."""
        for position in range(len(data)):
            await self.send(data[position : position + 1])
            await asyncio.sleep(0.0005)

    async def hung_up(self) -> None:
        """Waits until the client has closed the connection, and reads what it still sends."""
        with suppress(ConnectionError):
            while await self.reader.read(1 << 16):
                pass

    def reset(self) -> None:
        """Breaks the connection off: the client's kernel sees a reset, not an end."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        assert await self.reader.readexactly(2) == b"\r\n"
        return body


Script = Callable[[Link], Awaitable[None]]


@dataclass(slots=True)
class ScriptedUpstream:
    """A running upstream: where it is, and every link that it ever had."""

    url: str
    links: list[Link] = field(default_factory=list)


@asynccontextmanager
async def scripted_upstream(
    script: Script, *, tls: ssl.SSLContext | None = None, uds: Path | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[ScriptedUpstream]:
    """Runs `script` for each connection and closes the connection after it.

    Inside the `with` a client that hangs up is nothing special; any other error of a script is raised at its end.
    """
    upstream = ScriptedUpstream("http://office")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        upstream.links.append(link)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await script(link)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            link.gone.set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(serve(reader, writer)))

    if uds is not None:
        server = await asyncio.start_unix_server(accept, uds)
    else:
        server = await asyncio.start_server(accept, host, 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        upstream.url = f"{'https' if tls else 'http'}://{name}:{port}"
    try:
        yield upstream
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


def reply(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A reply with a Content-Length."""
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked_head(*headers: bytes, status: bytes = b"200 OK") -> bytes:
    """The head of a chunked reply."""
    return b"\r\n".join([b"HTTP/1.1 " + status, *headers, b"Transfer-Encoding: chunked"]) + b"\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """One chunk; that of b"" is the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)
