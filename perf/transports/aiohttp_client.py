"""aiohttp as a transport."""

import aiohttp
from yarl import URL

from gateway.transport import Headers, OutgoingRequest, Take


class AiohttpReply:
    """An `IncomingReply` over a response of aiohttp."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.reason = (response.reason or "").encode()
        self.headers: Headers = response.raw_headers

    async def chunk(self, take: Take | None = None) -> bytes:
        return await self._response.content.readany()

    async def read(self, limit: int) -> bytes:
        return await self._response.read()

    def close(self) -> None:
        self._response.release()


class AiohttpTransport:
    """A `Transport` over one session of aiohttp."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: OutgoingRequest) -> AiohttpReply:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        response = await self._session.request(
            request.method.decode(),
            URL(self._origin + request.target.decode(), encoded=True),
            headers=[(name.decode(), value.decode("latin-1")) for name, value in request.headers],
            data=request.body,
            allow_redirects=False,
        )
        return AiohttpReply(response)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
