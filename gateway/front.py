"""Decides who answers a request by its path: the pipeline, this worker itself, or the office."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from gateway.answers import Refusal
from gateway.client import Client
from gateway.endpoints import EndpointTable
from gateway.errors import error_body
from gateway.passage import Passage
from gateway.pipeline import Pipeline

Page: TypeAlias = Callable[[], tuple[int, bytes, bytes]]
Elsewhere: TypeAlias = Callable[[Client], Awaitable[None]]
MODEL_API = b"/v1"
OVERLOADED = Refusal(
    "The gateway has too many requests on their way. Try again.", code="overloaded", status=503, retry_after=1
)


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
    ) -> None:
        self._pipeline = pipeline
        self._endpoints = endpoints
        self._pages = pages
        self._elsewhere = elsewhere
        self._bare_paths = bare_paths
        self._max_concurrent = max_concurrent
        self.open = 0

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

    async def _carry(self, client: Client, prefix_length: int) -> None:
        if not self.enter():
            await Passage(self._pipeline, client, prefix_length).run(OVERLOADED)
            return
        try:
            await Passage(self._pipeline, client, prefix_length).run()
        finally:
            self.leave()

    def enter(self) -> bool:
        """Takes the place of one exchange on its way, where there is one left; `leave` gives it back."""
        if self.open >= self._max_concurrent:
            return False
        self.open += 1
        return True

    def leave(self) -> None:
        """Gives the place of an exchange back."""
        self.open -= 1

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
