"""The simulated model server as one ASGI application; everything it is made of is put together here."""

import logging
import time
from collections.abc import Callable

import msgspec

from gateway.simulator.access import check_key
from gateway.simulator.asgi import Receive, Scope, Send
from gateway.simulator.audio import Audio
from gateway.simulator.batches import Batches
from gateway.simulator.chat import Chat
from gateway.simulator.completions import Completions
from gateway.simulator.delivery import deliver
from gateway.simulator.embeddings import Embeddings
from gateway.simulator.errors import ApiError, ClientLeft
from gateway.simulator.files import Files
from gateway.simulator.forms import read_form
from gateway.simulator.images import Images
from gateway.simulator.intake import Intake
from gateway.simulator.mint import Mint
from gateway.simulator.models import Models
from gateway.simulator.moderations import Moderations
from gateway.simulator.recorder import Recorder, handshake_of
from gateway.simulator.replies import Reply, Whole
from gateway.simulator.responses import Responses
from gateway.simulator.routes import Request, Routes, query_of
from gateway.simulator.shapes import whole_number
from gateway.simulator.sockets import Sockets
from gateway.simulator.stats import Stats
from gateway.simulator.tokens import Tokens

LOG = logging.getLogger(__name__)
FIXED_HEADERS = (
    (b"server", b"lukhas-simulator"),
    (b"openai-organization", b"simulated"),
    (b"openai-version", b"2020-10-01"),
    (b"x-ratelimit-limit-requests", b"10000"),
    (b"x-ratelimit-limit-tokens", b"2000000"),
    (b"x-ratelimit-remaining-requests", b"9999"),
    (b"x-ratelimit-remaining-tokens", b"1999900"),
    (b"x-ratelimit-reset-requests", b"6ms"),
    (b"x-ratelimit-reset-tokens", b"3ms"),
)


def create_app(clock: Callable[[], float] = time.time) -> "Simulator":
    """A simulator of its own: nothing is shared with another one."""
    mint, tokens = Mint(clock), Tokens()
    responses, files = Responses(mint, tokens), Files(mint)
    routes = [
        *Chat(mint, tokens).routes(),
        *responses.routes(),
        *Completions(mint, tokens).routes(),
        *Embeddings(tokens).routes(),
        *Moderations(mint).routes(),
        *Models().routes(),
        *files.routes(),
        *Audio(tokens).routes(),
        *Images(mint, tokens).routes(),
        *Batches(mint).routes(),
    ]
    return Simulator(Routes(routes), Sockets(mint, tokens, responses), mint, files.close)


class Simulator:
    """Records each request, finds its endpoint and delivers the answer."""

    def __init__(self, routes: Routes, sockets: Sockets, mint: Mint, close: Callable[[], None]) -> None:
        self._routes = routes
        self._sockets = sockets
        self._close = close
        self._mint = mint
        self._recorder = Recorder()
        self._stats = Stats()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            self._recorder.keep(handshake_of(scope))
            with self._stats.one() as visit:
                try:
                    visit.cancelled = not await self._sockets.serve(scope, receive, send)
                except Exception:
                    LOG.exception("The simulator failed on the websocket %s", scope["path"])

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = self._own_view(scope)
        if own is not None:
            await deliver(own, (), receive, send)
            return
        began = time.perf_counter()
        with self._stats.one() as visit:
            try:
                reply = await self._reply(scope, receive)
            except ClientLeft:
                visit.cancelled = True
                return
            spent = round((time.perf_counter() - began) * 1000)
            headers = (
                *FIXED_HEADERS,
                (b"x-request-id", self._mint.name("req_").encode()),
                (b"openai-processing-ms", b"%d" % spent),
            )
            try:
                visit.cancelled = not await deliver(reply, headers, receive, send)
            except Exception:
                # Nothing sensible can follow what is already out: returning here breaks the connection.
                LOG.exception("The simulator failed to deliver %s %s", scope["method"], scope["path"])

    def _own_view(self, scope: Scope) -> Reply | None:
        path = scope["path"].removeprefix("/v1")
        if path == "/_last":
            count = query_of(scope["query_string"]).get("n")
            if count is None:
                return Whole(msgspec.json.encode(self._recorder.last()))
            return Whole(msgspec.json.encode(self._recorder.newest(whole_number(count, 1))))
        if path == "/_stats":
            return Whole(msgspec.json.encode(self._stats.view()))
        return None

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        intake = Intake(scope, receive)
        try:
            try:
                return await self._ask(scope, intake)
            except ApiError as error:
                await intake.drain()
                return Whole(error.body(), error.status, headers=error.headers)
            except ClientLeft:
                raise
            except Exception:
                LOG.exception("The simulator failed to answer %s %s", scope["method"], scope["path"])
                await intake.drain()
                failed = ApiError(500, "The simulator failed; its log says why.", kind="server_error")
                return Whole(failed.body(), failed.status)
        finally:
            self._recorder.keep(intake.received())

    async def _ask(self, scope: Scope, intake: Intake) -> Reply:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        path = raw_path.decode("latin-1")
        if path.startswith("/v1/"):
            check_key(headers)
        route, names = self._routes.find(scope["method"], path)
        query = query_of(scope["query_string"])
        host = headers.get(b"host", b"").decode("latin-1")
        if not route.multipart:
            return route.endpoint(Request(names, query, host, await intake.whole()))
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        form = await read_form(intake.chunks(), content_type, route.keep_files)
        return route.endpoint(Request(names, query, host, b"", form))
