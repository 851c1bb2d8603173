"""A tunnel through an HTTP proxy: CONNECT, and then the bytes are the upstream's."""

import asyncio
from base64 import b64encode
from typing import cast

from gateway.transport import ConnectError, TransportError
from gateway.transport.origin import Origin
from gateway.transport.reply_parser import ReplyParser

_MAX_ANSWER_BYTES = 64 << 10


class TunnelRequest(asyncio.Protocol):
    """Asks the proxy for a tunnel to `target`; `opened` gives the transport once the proxy has agreed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, proxy: Origin, target: Origin) -> None:
        self._proxy = proxy
        self._target = target
        self._transport: asyncio.Transport | None = None
        # CONNECT is like HEAD in this: the answer's head is all of the answer.
        self._parser = ReplyParser(b"HEAD", _MAX_ANSWER_BYTES, _MAX_ANSWER_BYTES)
        self.opened: asyncio.Future[asyncio.Transport] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop; asks."""
        self._transport = cast(asyncio.Transport, transport)
        target = self._target.host_and_port
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self._proxy.user is not None:
            credential = f"{self._proxy.user}:{self._proxy.password or ''}"
            lines.append(f"Proxy-Authorization: Basic {b64encode(credential.encode()).decode()}")
        self._transport.write("\r\n".join([*lines, "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        """Called by the loop; reads the answer."""
        if self.opened.done():
            # The upstream never speaks first, so these bytes were put there by someone else.
            self.close()
            return
        try:
            self._parser.feed(data)
        except TransportError as error:
            self._refuse(f"the proxy's answer cannot be read: {error}")
            return
        status = self._parser.status
        if not status:
            return
        if status != 200 or not self._parser.complete or self._parser.followed or self._transport is None:
            self._refuse(f"the proxy did not open a tunnel to {self._target.host_and_port}: status {status}")
            return
        self._transport.pause_reading()
        self.opened.set_result(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._refuse(f"the proxy closed the connection: {exc or 'closed without a word'}")

    def close(self) -> None:
        """Closes the connection to the proxy at once."""
        self.opened.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _refuse(self, reason: str) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectError(reason))
        self.close()
