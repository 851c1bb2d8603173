"""The way to one upstream: TCP, TLS, a tunnel through a proxy, or a unix socket."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from gateway.transport import ConnectError
from gateway.transport.keep_alive import keep_alive
from gateway.transport.origin import Origin
from gateway.transport.proxy import TunnelRequest
from gateway.transport.race import AddressInfo, first_to_answer, interleaved
from gateway.transport.tls import client_context

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[AddressInfo]]]


async def resolved(host: str, port: int) -> Sequence[AddressInfo]:
    """Gives the addresses of a host as the system knows them. Errors: OSError, UnicodeError."""
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Dialer:
    """Connects protocols to one origin, at the addresses that `resolve` gives and at no others."""

    def __init__(
        self, origin: Origin, ca_file: Path | None, proxy: Origin | None, uds: Path | None, resolve: Resolve = resolved
    ) -> None:
        self._origin = origin
        self._resolve = resolve
        self._proxy = proxy
        self._uds = uds
        self._context = client_context(ca_file) if origin.tls or (proxy is not None and proxy.tls) else None

    async def dial(self, protocol: asyncio.Protocol) -> None:
        """Connects `protocol`; ConnectError says why it could not. Cancelling it leaves nothing open."""
        loop = asyncio.get_running_loop()
        try:
            if self._uds is not None:
                await loop.create_unix_connection(lambda: protocol, str(self._uds))
            elif self._proxy is not None:
                await self._tunnel(loop, self._proxy, protocol)
            else:
                await self._connect(loop, self._origin, lambda: protocol)
        except (OSError, ssl.SSLError, UnicodeError) as error:
            where = self._uds or self._origin.host_and_port
            raise ConnectError(f"cannot connect to {where}: {error}") from error

    async def _connect(
        self, loop: asyncio.AbstractEventLoop, origin: Origin, make: Callable[[], asyncio.Protocol]
    ) -> None:
        addresses = await self._resolve(origin.host, origin.port)
        connected = await first_to_answer(interleaved(addresses))
        try:
            transport, _ = await loop.create_connection(
                make,
                sock=connected,
                ssl=self._context if origin.tls else None,
                server_hostname=origin.host if origin.tls else None,
            )
        except BaseException:
            connected.close()
            raise
        keep_alive(transport)

    async def _tunnel(self, loop: asyncio.AbstractEventLoop, proxy: Origin, protocol: asyncio.Protocol) -> None:
        request = TunnelRequest(loop, proxy, self._origin)
        try:
            await self._connect(loop, proxy, lambda: request)
            transport = await request.opened
            if self._origin.tls and self._context is not None:
                secured = await loop.start_tls(transport, protocol, self._context, server_hostname=self._origin.host)
                if secured is None:
                    raise ConnectionResetError("closed during the TLS handshake")
                protocol.connection_made(secured)
            else:
                transport.set_protocol(protocol)
                protocol.connection_made(transport)
                transport.resume_reading()
        except BaseException:
            request.close()
            raise
