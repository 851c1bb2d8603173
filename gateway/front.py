"""Decides who answers a request by its path: the pipeline, this worker itself, or the office."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from gateway.client import Client
from gateway.cross_origin import CrossOrigin
from gateway.endpoints import EndpointTable
from gateway.errors import error_body
from gateway.passage import Passage
from gateway.pipeline import Pipeline
from gateway.seats import Seats, holder_of

Page: TypeAlias = Callable[[], tuple[int, bytes, bytes]]
Elsewhere: TypeAlias = Callable[[Client], Awaitable[None]]
MODEL_API = b"/v1"


class Front:
    """Hands each request on. `pages` are answered at once; `elsewhere` takes what is not the model API."""

    def __init__(
        self,
        pipeline: Pipeline,
        endpoints: EndpointTable,
        pages: dict[bytes, Page],
        elsewhere: Elsewhere,
        *,
        bare_paths: bool,
        max_concurrent: int,
        cors_origins: tuple[str, ...] = (),
    ) -> None:
        self._pipeline = pipeline
        self._endpoints = endpoints
        self._pages = pages
        self._elsewhere = elsewhere
        self._bare_paths = bare_paths
        self.seats = Seats(max_concurrent)
        self._cross_origin = CrossOrigin(cors_origins) if cors_origins else None

    async def __call__(self, client: Client) -> None:
        """Answers one request."""
        target = client.received.target
        if target.startswith(b"/v1/"):
            await self._carry(client, len(MODEL_API))
            return
        path = target.partition(b"?")[0]
        page = self._pages.get(path)
        if page is not None:
            _answer_page(client, page)
        elif not path.startswith(b"/"):
            _refuse(client, 400, "The request target must be a path.", "invalid_target")
        elif path == MODEL_API or (self._bare_paths and self._is_bare(client, path)):
            await self._carry(client, len(MODEL_API) if path == MODEL_API else 0)
        else:
            await self._elsewhere(client)

    @property
    def open(self) -> int:
        """How many exchanges are on their way."""
        return self.seats.open

    async def _carry(self, client: Client, prefix_length: int) -> None:
        if self._cross_origin is not None:
            if self._cross_origin.answered(client):
                return
            client = self._cross_origin.admitted(client)
        holder = holder_of(client.received)
        refusal = self.seats.take(holder)
        if refusal is not None:
            await Passage(self._pipeline, client, prefix_length).run(refusal)
            return
        try:
            await Passage(self._pipeline, client, prefix_length).run()
        finally:
            self.seats.give_back(holder)

    def _is_bare(self, client: Client, path: bytes) -> bool:
        method = client.received.method.decode("latin-1")
        return self._endpoints.find(method, path.decode("latin-1")) is not None


class AdminFront:
    """Answers at the address of `admin.listen`: everything but the model API."""

    def __init__(self, pages: dict[bytes, Page], elsewhere: Elsewhere) -> None:
        self._pages = pages
        self._elsewhere = elsewhere

    async def __call__(self, client: Client) -> None:
        """Answers one request."""
        path = client.received.target.partition(b"?")[0]
        page = self._pages.get(path)
        if page is not None:
            _answer_page(client, page)
        elif path == MODEL_API or path.startswith(b"/v1/") or not path.startswith(b"/"):
            await not_here(client)
        else:
            await self._elsewhere(client)


async def not_here(client: Client) -> None:
    """Answers a path that nobody serves."""
    _refuse(client, 404, "There is nothing at this path; the model API is below /v1.", "not_found")


def _answer_page(client: Client, page: Page) -> None:
    if client.received.method not in (b"GET", b"HEAD"):
        _refuse(client, 405, "This path takes GET only.", "method_not_allowed", headers=((b"allow", b"GET, HEAD"),))
        return
    status, kind, body = page()
    client.respond(status, ((b"content-type", kind), (b"cache-control", b"no-store")), body)


def _refuse(
    client: Client,
    status: int,
    message: str,
    code: str,
    retry_after: int | None = None,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    if retry_after is not None:
        headers = (*headers, (b"retry-after", b"%d" % retry_after))
    client.respond(status, ((b"content-type", b"application/json"), *headers), error_body(message, status, code))
