"""A client that sends exactly the bytes a test tells it to, and shows a reply as it came over the wire."""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class RawReply:
    """A reply; `headers` as they came, `body` without its framing. `framing` is length, chunked, close or none."""

    status: int
    reason: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    framing: str
    body: bytes = b""

    def values(self, name: bytes) -> list[bytes]:
        """All values of a header, by its lower-case name."""
        return [value for key, value in self.headers if key.lower() == name]

    def value(self, name: bytes) -> bytes:
        """The value of a header that must be there once."""
        (value,) = self.values(name)
        return value

    @property
    def audit_id(self) -> str:
        return self.value(b"x-lukhas-audit-id").decode()

    @property
    def error(self) -> dict[str, object]:
        """The error that the body is; fails where it is not of OpenAI's shape, or not JSON by its type."""
        assert self.value(b"content-type") == b"application/json"
        whole = msgspec.json.decode(self.body)
        assert list(whole) == ["error"]
        error: dict[str, object] = whole["error"]
        assert list(error) == ["message", "type", "param", "code"]
        assert isinstance(error["message"], str) and error["message"]
        assert isinstance(error["type"], str) and error["type"]
        return error


@dataclass(slots=True)
class RawClient:
    """One connection to a server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _head: RawReply | None = field(default=None)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, data: bytes, method: bytes = b"GET") -> RawReply:
        """Sends these bytes and waits for one whole reply; `method` says whether it may have a body."""
        await self.send(data)
        return await self.reply(method)

    async def reply(self, method: bytes = b"GET") -> RawReply:
        """Waits for one whole reply."""
        async with asyncio.timeout(SECONDS):
            head = await self.head(method)
            body = b"".join([piece async for piece in self.pieces(head)])
        return RawReply(head.status, head.reason, head.headers, head.framing, body)

    async def head(self, method: bytes = b"GET") -> RawReply:
        """Waits for the head of a reply."""
        async with asyncio.timeout(SECONDS):
            line, *fields = (await self.reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
        version, status, reason = line.split(b" ", 2)
        assert version == b"HTTP/1.1"
        headers = tuple((name, value) for name, _, value in (each.partition(b": ") for each in fields))
        return RawReply(int(status), reason, headers, _framing(int(status), headers, method))

    async def pieces(self, head: RawReply) -> AsyncGenerator[bytes, None]:
        """The body, piece by piece as it is framed. IncompleteReadError where it ends before its framing does."""
        if head.framing == "length":
            left = int(head.value(b"content-length"))
            while left:
                data = await self.reader.read(min(left, 1 << 16))
                if not data:
                    raise asyncio.IncompleteReadError(data, left)
                left -= len(data)
                yield data
        elif head.framing == "chunked":
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                yield await self.reader.readexactly(size)
                assert await self.reader.readexactly(2) == b"\r\n"
            assert await self.reader.readexactly(2) == b"\r\n"
        elif head.framing == "close":
            while data := await self.reader.read(1 << 16):
                yield data

    async def piece(self, head: RawReply) -> bytes:
        """The next chunk of a chunked body."""
        assert head.framing == "chunked"
        async with asyncio.timeout(SECONDS):
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            return (await self.reader.readexactly(size + 2))[:-2]

    async def rest(self) -> bytes:
        """Everything until the server closes, framing included; a reset counts as a close."""
        got = b""
        async with asyncio.timeout(SECONDS):
            try:
                while data := await self.reader.read(1 << 16):
                    got += data
            except ConnectionError:
                pass
        return got

    def reset(self) -> None:
        """Breaks the connection off: the server's kernel sees a reset, not an end."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@asynccontextmanager
async def raw_client(url: str, *, buffer: int | None = None) -> AsyncIterator[RawClient]:
    """A connection to the server at `url`, closed after the test; its kernel holds `buffer` bytes that nobody reads."""
    parts = urlsplit(url)
    connection = socket.socket()
    connection.setblocking(False)
    if buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (parts.hostname, parts.port))
    except BaseException:
        connection.close()
        raise
    reader, writer = await asyncio.open_connection(sock=connection, limit=buffer or 1 << 20)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.close()


def a_request(
    line: bytes = b"POST /v1/chat/completions",
    *headers: bytes,
    body: bytes | None = None,
    key: bytes | None = b"sk-test",
) -> bytes:
    """A request as bytes: its line without the version, its headers, a body under a Content-Length."""
    lines = [line + b" HTTP/1.1", b"Host: gateway.test"]
    if key is not None:
        lines.append(b"Authorization: Bearer " + key)
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
        if not any(each.lower().startswith(b"content-type:") for each in headers):
            lines.append(b"Content-Type: application/json")
    return b"\r\n".join([*lines, *headers]) + b"\r\n\r\n" + (body or b"")


def _framing(status: int, headers: tuple[tuple[bytes, bytes], ...], method: bytes) -> str:
    names = [name.lower() for name, _ in headers]
    framings = [name for name in names if name in (b"content-length", b"transfer-encoding")]
    assert len(framings) <= 1, f"{framings}: more than one framing header"
    if method == b"HEAD" or status in (204, 304) or status < 200:
        return "none"
    if not framings:
        return "close"
    return "length" if framings == [b"content-length"] else "chunked"
