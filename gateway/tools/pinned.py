"""Asks a host on the internet for a tool: its address is checked, and the connection goes to the checked address.

No proxy, no cookies, no redirects followed: whoever wants to follow one asks again, and is checked again.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from gateway.encoding import Decoder, EncodingError
from gateway.exchange import Headers, first_header
from gateway.tools.addresses import AddressRefused, MayReach, checked, is_public
from gateway.tools.web_address import WebAddress
from gateway.transport import ConnectError, IncomingReply, OutgoingRequest, TransportError
from gateway.transport.dialer import Resolve, resolved
from gateway.transport.limits import Limits
from gateway.transport.pool import ConnectionPool

MOST_BYTES = 2 << 20
PATIENCE = Limits(
    connect_timeout=5.0,
    first_byte_timeout=10.0,
    between_chunks_timeout=5.0,
    total_timeout=20.0,
    max_connections=1,
    max_header_bytes=64 << 10,
)


class NotReached(Exception):
    """There is no answer; the message is a short sentence. `transient` says that another try may have one."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class WebAnswer(msgspec.Struct, frozen=True):
    """What a host answered; `body` is decoded, and cut where `whole` is false."""

    status: int
    headers: Headers
    body: bytes
    whole: bool

    def header(self, name: bytes) -> str:
        """Gives the first value of a header by its lower-case name, empty where there is none."""
        return (first_header(self.headers, name) or b"").decode("latin-1").strip()


class PinnedWeb:
    """`may_reach` says of a numeric address whether it may be connected to; `resolve` gives those of a host.

    At most `most_bytes` of an answer are taken, decoded or not; `ca_file` holds the authorities to trust in place of
    the system's.
    """

    def __init__(
        self,
        *,
        may_reach: MayReach = is_public,
        resolve: Resolve = resolved,
        most_bytes: int = MOST_BYTES,
        patience: Limits = PATIENCE,
        ca_file: Path | None = None,
    ) -> None:
        self._resolve = checked(resolve, may_reach)
        self._most_bytes = most_bytes
        self._patience = patience
        self._ca_file = ca_file

    async def ask(
        self, address: WebAddress, headers: Mapping[str, str], *, method: str = "GET", body: bytes | None = None
    ) -> WebAnswer:
        """Sends one request over a connection of its own. Errors: NotReached."""
        pairs = {"Host": address.authority, "Accept-Encoding": "gzip, deflate", "Connection": "close", **headers}
        wire = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs.items())
        pool = ConnectionPool(address.origin, self._patience, ca_file=self._ca_file, resolve=self._resolve)
        try:
            reply = await pool.send(OutgoingRequest(method.encode(), address.target.encode(), wire, body))
            try:
                return await self._taken(reply)
            finally:
                reply.close()
        except ConnectError as error:
            if isinstance(error.__cause__, AddressRefused):
                raise NotReached(f"{error.__cause__}.", transient=False) from None
            raise NotReached(f"{address.host} could not be connected to.", transient=True) from None
        except TransportError as error:
            raise NotReached(f"{address.host} did not answer as it should ({_named(error)}).", transient=True) from None
        except EncodingError:
            raise NotReached(f"What {address.host} answered cannot be decoded.", transient=False) from None
        finally:
            await pool.aclose()

    async def _taken(self, reply: IncomingReply) -> WebAnswer:
        decoder = Decoder(first_header(reply.headers, b"content-encoding"))
        pieces, taken, size = [], 0, 0
        while piece := await reply.chunk():
            plain = decoder.feed(piece)
            taken += len(piece)
            size += len(plain)
            pieces.append(plain)
            if max(taken, size) > self._most_bytes:
                return WebAnswer(reply.status, reply.headers, b"".join(pieces)[: self._most_bytes], False)
        return WebAnswer(reply.status, reply.headers, b"".join(pieces), True)


def _named(error: TransportError) -> str:
    return type(error).__name__
