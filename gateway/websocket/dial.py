"""Opens websockets to one upstream, over the transport's own way there: TLS, proxy and time limits are the same."""

import asyncio
from pathlib import Path

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.datastructures import Headers as WebsocketHeaders
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from gateway.exchange import Headers
from gateway.transport import ConnectTimeout, FirstByteTimeout, UpstreamBroken, UpstreamInvalid
from gateway.transport.dialer import Dialer
from gateway.transport.limits import Limits
from gateway.transport.origin import Origin
from gateway.websocket.link import LINGER_SECONDS, WAITING_MESSAGES, Link

_WRITTEN_BY_THE_LIBRARY = b"sec-websocket-"


class Denied(Exception):
    """The upstream answered the handshake with an ordinary reply."""

    def __init__(self, status: int, reason: bytes, headers: Headers, body: bytes) -> None:
        super().__init__(f"the upstream answered the handshake with {status}")
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body


class UpstreamLink(Link, ClientConnection):
    """The upstream's side of a websocket."""

    @property
    def reply_headers(self) -> Headers:
        """The headers of the upstream's handshake but for those of the protocol."""
        return without_protocol(_raw(self.response.headers)) if self.response is not None else ()


class WebsocketDialer:
    """Opens websockets to one upstream; nothing is compressed, and no ping is sent.

    A ping of the gateway's own could end a session in which a side is only slow; the kernel asks the silent ones.
    """

    def __init__(
        self, url: str, limits: Limits, max_message_bytes: int, *, ca_file: Path | None = None, proxy: str | None = None
    ) -> None:
        self._origin = Origin.of(url)
        self._limits = limits
        self._max_message_bytes = max_message_bytes
        self._dialer = Dialer(self._origin, ca_file, None if proxy is None else Origin.of(proxy), None)

    async def open(self, target: bytes, headers: Headers, protocols: tuple[bytes, ...]) -> UpstreamLink:
        """Opens a websocket at the raw path and query. Errors: Denied, TransportError.

        `headers` are those beside Host and the protocol's own, which are left out of them here.
        """
        origin = self._origin
        protocol = ClientProtocol(
            WebSocketURI(origin.tls, origin.host, origin.port, target.decode("latin-1"), ""),
            subprotocols=[Subprotocol(name.decode("latin-1")) for name in protocols] or None,
            max_size=self._max_message_bytes,
        )
        link = UpstreamLink(
            protocol,
            ping_interval=None,
            ping_timeout=None,
            close_timeout=LINGER_SECONDS,
            max_queue=WAITING_MESSAGES,
        )
        try:
            async with asyncio.timeout(self._limits.connect_timeout):
                await self._dialer.dial(link)
        except TimeoutError:
            raise ConnectTimeout(f"not connected within {self._limits.connect_timeout} s") from None
        try:
            await self._shaken_hands(link, headers)
        except BaseException:
            link.transport.abort()
            raise
        return link

    async def _shaken_hands(self, link: UpstreamLink, headers: Headers) -> None:
        added = WebsocketHeaders()
        for name, value in without_protocol(headers):
            if name.lower() != b"host":
                added[name.decode("latin-1")] = value.decode("latin-1")
        try:
            async with asyncio.timeout(self._limits.first_byte_timeout):
                await link.handshake(added, user_agent_header=None)
        except TimeoutError:
            raise FirstByteTimeout(f"no answer within {self._limits.first_byte_timeout} s") from None
        except InvalidStatus as error:
            answer = error.response
            raise Denied(
                answer.status_code,
                answer.reason_phrase.encode("latin-1"),
                _raw(answer.headers),
                bytes(answer.body),
            ) from None
        except (ConnectionClosed, InvalidMessage) as error:
            if isinstance(error, InvalidMessage) and not isinstance(error.__cause__, EOFError):
                raise UpstreamInvalid(str(error.__cause__ or error)) from error
            raise UpstreamBroken("the connection ended during the handshake") from error
        except WebSocketException as error:
            raise UpstreamInvalid(str(error)) from error


def without_protocol(headers: Headers) -> Headers:
    """Gives the headers but for those of the websocket protocol, which each side has of its own."""
    return tuple(pair for pair in headers if not pair[0].lower().startswith(_WRITTEN_BY_THE_LIBRARY))


def _raw(headers: WebsocketHeaders) -> Headers:
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.raw_items())
