"""A proxy that opens tunnels, and remembers what it was asked for."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.builders.scripted_upstream import Link, scripted_upstream


@dataclass(slots=True)
class TunnelProxy:
    """A running proxy: where it is, and the heads of the requests that it got."""

    url: str = ""
    heads: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def tunnel_proxy(
    answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n", *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[TunnelProxy]:
    """Runs a proxy that gives `answer` to each CONNECT, and then passes bytes both ways."""
    proxy = TunnelProxy()

    async def script(link: Link) -> None:
        head = await link.head()
        proxy.heads.append(head)
        host, port = head.split()[1].decode().rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        await link.send(answer)
        out = asyncio.ensure_future(_pass(link.reader, writer))
        back = asyncio.ensure_future(_pass(reader, link.writer))
        try:
            await asyncio.wait((out, back), return_when=asyncio.FIRST_COMPLETED)
        finally:
            writer.transport.abort()
            out.cancel()
            back.cancel()
            await asyncio.wait((out, back))

    async with scripted_upstream(script, tls=tls) as running:
        proxy.url = running.url
        yield proxy


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
