"""pyreqwest (Rust's reqwest) as a transport. It is not locked here: run it with an interpreter that has it."""

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.request import StreamRequest

from gateway.transport import OutgoingRequest, Take


class PyreqwestReply:
    """An `IncomingReply` over a streamed response of pyreqwest."""

    reason = b""

    def __init__(self, request: StreamRequest) -> None:
        self._request = request

    async def begin(self) -> "PyreqwestReply":
        response = await self._request.__aenter__()
        self._body = response.body_reader
        self.status = response.status
        self.headers = tuple((name.encode(), value.encode("latin-1")) for name, value in response.headers.items())
        return self

    async def chunk(self, take: Take | None = None) -> bytes:
        piece = await self._body.read_chunk()
        if piece is None:
            await self._request.__aexit__(None, None, None)
            return b""
        return bytes(piece)

    async def read(self, limit: int) -> bytes:
        return bytes(await self._body.bytes())

    def close(self) -> None:
        """Nothing: the response is closed at its end, by awaiting."""


class PyreqwestTransport:
    """A `Transport` over one client of pyreqwest."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        builder = ClientBuilder().gzip(False).brotli(False).zstd(False).deflate(False).follow_redirects(False)
        self._client: Client = builder.build()

    async def send(self, request: OutgoingRequest) -> PyreqwestReply:
        builder = self._client.request(request.method.decode(), self._origin + request.target.decode())
        builder = builder.headers([(name.decode(), value.decode("latin-1")) for name, value in request.headers])
        if isinstance(request.body, bytes):
            builder = builder.body_bytes(request.body)
        # Without this the body is held back until it is whole or fills the buffer.
        builder = builder.streamed_read_buffer_limit(0)
        return await PyreqwestReply(builder.build_streamed()).begin()

    async def aclose(self) -> None:
        await self._client.close()
