"""Builds a gateway worker from its settings: the one place where the parts are made and put together."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry, generate_latest

from gateway.endpoints import EndpointTable, load_endpoints
from gateway.front import Elsewhere, Front, not_here
from gateway.hookspecs import Hooks, Startup
from gateway.loader import Chain, LoadError, load_chain
from gateway.metrics import Metrics
from gateway.pipeline import Pipeline, Sizes
from gateway.recorder import Recorder
from gateway.settings import Loaded, Settings
from gateway.settings import Upstream as UpstreamSettings
from gateway.transport.limits import Limits as TransportLimits
from gateway.transport.pool import ConnectionPool
from gateway.upstream import Upstream
from gateway.websocket.dial import WebsocketDialer
from gateway.websocket.front import WebsocketFront
from identity.pseudonyms import pseudonyms_in
from storage.journal import Journal

JSON = b"application/json"
PROMETHEUS = b"text/plain; version=0.0.4; charset=utf-8"


class Gateway:
    """One worker's parts, and their life."""

    def __init__(
        self, loaded: Loaded, writer: str, environ: Mapping[str, str], elsewhere: Elsewhere = not_here
    ) -> None:
        settings = loaded.settings
        self.settings = settings
        self.data = Path(settings.storage.data)
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.endpoints: EndpointTable = load_endpoints()
        self.chain: Chain = load_chain(loaded, self.metrics.fault)
        self.journal = Journal(self.data / "journal", writer)
        self.recorder = Recorder(
            self.journal,
            self.metrics,
            self.chain.of(Hooks.record),
            carry_on=settings.audit.on_failure == "carry_on",
        )
        self.upstreams = {"default": upstream_of(settings)}
        self.pipeline = Pipeline(
            self.chain,
            self.upstreams,
            self.endpoints,
            self.recorder,
            Sizes(settings.server.max_json_bytes, settings.server.max_body_bytes),
        )
        self.front = Front(
            self.pipeline,
            self.endpoints,
            {b"/healthz": self._healthz, b"/readyz": self._readyz, b"/metrics": self._metrics},
            elsewhere,
            bare_paths=settings.server.bare_paths,
            max_concurrent=settings.server.max_concurrent,
        )
        self.websockets = WebsocketFront(
            self.pipeline,
            {"default": websocket_dialer_of(settings)},
            self.endpoints,
            self.front,
            bare_paths=settings.server.bare_paths,
            patience=settings.server.write_timeout,
        )
        self._admin_key = environ.get("LUKHAS_ADMIN_KEY")

    async def start(self) -> None:
        """Opens the journal and tells the plugins. Errors: JournalError, LoadError."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.journal.open()
        startup = Startup(self.settings, self.data, self.registry, pseudonyms_in(self.data), self._admin_key)
        for name, method in self.chain.life(Hooks.startup):
            try:
                answer = method(startup)
                if answer is not None:
                    await answer
            except Exception as error:
                raise LoadError(f"The plugin {name} cannot start: {error}") from error

    async def stop(self) -> None:
        """Lets the plugins and connections go; the journal last."""
        await self.recorder.close()
        for _, method in self.chain.life(Hooks.shutdown):
            answer = method()
            if answer is not None:
                await answer
        for upstream in self.upstreams.values():
            await upstream.transport.aclose()
        self.journal.close()

    def _healthz(self) -> tuple[int, bytes, bytes]:
        return 200, JSON, b'{"status":"ok"}'

    def _readyz(self) -> tuple[int, bytes, bytes]:
        faults = {name: said for name, method in self.chain.life(Hooks.health) if (said := method()) is not None}
        if self.journal.failure is not None:
            faults["journal"] = self.journal.failure
        body = {"status": "unready" if faults else "ready", "faults": faults}
        return 503 if faults else 200, JSON, msgspec.json.encode(body)

    def _metrics(self) -> tuple[int, bytes, bytes]:
        return 200, PROMETHEUS, generate_latest(self.registry)


def upstream_of(settings: Settings) -> Upstream:
    """Gives the upstream of the settings, with its pool of connections."""
    part = settings.upstream
    pool = ConnectionPool(part.url, limits_of(part), ca_file=_ca_file(part), proxy=part.proxy)
    return Upstream("default", part.url, part.api_key, pool)


def websocket_dialer_of(settings: Settings) -> WebsocketDialer:
    """Gives the way to the upstream's websockets."""
    part = settings.upstream
    return WebsocketDialer(
        part.url, limits_of(part), settings.server.max_message_bytes, ca_file=_ca_file(part), proxy=part.proxy
    )


def limits_of(part: UpstreamSettings) -> TransportLimits:
    """Gives the limits of an upstream's connections."""
    return TransportLimits(
        connect_timeout=part.connect_timeout,
        first_byte_timeout=part.first_byte_timeout,
        between_chunks_timeout=part.between_chunks_timeout,
        total_timeout=part.total_timeout,
        max_reply_bytes=part.max_reply_bytes,
        max_header_bytes=part.max_header_bytes,
        max_connections=part.max_connections,
    )


def _ca_file(part: UpstreamSettings) -> Path | None:
    return Path(part.ca_file) if part.ca_file else None
