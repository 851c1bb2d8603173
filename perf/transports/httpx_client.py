"""httpx with its own pool as a transport."""

from collections.abc import AsyncIterator

import httpx

from gateway.transport import OutgoingRequest, Take


class HttpxReply:
    """An `IncomingReply` over a response of httpx."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._pieces: AsyncIterator[bytes] = response.aiter_raw()
        self.status = response.status_code
        self.reason = response.reason_phrase.encode()
        self.headers = tuple(response.headers.raw)

    async def chunk(self, take: Take | None = None) -> bytes:
        return await anext(self._pieces, b"")

    async def read(self, limit: int) -> bytes:
        return b"".join([piece async for piece in self._pieces])

    def close(self) -> None:
        """Nothing: httpx closes a response at its end, or by awaiting."""


class HttpxTransport:
    """A `Transport` over httpx's AsyncClient."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self._client = httpx.AsyncClient(limits=limits, timeout=None, trust_env=False)

    async def send(self, request: OutgoingRequest) -> HttpxReply:
        asked = self._client.build_request(
            request.method.decode(),
            self._origin + request.target.decode(),
            headers=list(request.headers),
            content=request.body,
        )
        return HttpxReply(await self._client.send(asked, stream=True))

    async def aclose(self) -> None:
        await self._client.aclose()
