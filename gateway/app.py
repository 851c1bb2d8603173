"""Builds a gateway worker from its settings: the one place where the parts are made and put together."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gateway.bodies import Bodies
from gateway.coverage import check_coverage
from gateway.endpoints import EndpointTable, load_endpoints
from gateway.exposition import exposed
from gateway.front import AdminFront, Elsewhere, Front, Page, not_here
from gateway.hookspecs import Hooks
from gateway.lifecycle import start_plugins, startup_of, stop_plugins
from gateway.live_flags import LiveFlags
from gateway.live_policies import policies_in_force
from gateway.loader import Chain, load_chain
from gateway.metrics import FLUSH_SECONDS, Metrics
from gateway.own_questions import OwnQuestions
from gateway.pipeline import Pipeline, Sizes
from gateway.preview_front import PreviewFront
from gateway.pushed import FILE as PUSHED
from gateway.pushed import Pushed
from gateway.readiness import Readiness
from gateway.recorder import Recorder
from gateway.settings import Loaded, Settings
from gateway.settings import Upstream as UpstreamSettings
from gateway.signal_bus import SignalBus
from gateway.ticks import Ticks
from gateway.tightening import Tightening, new_tightening_id
from gateway.tools.kept import Kept
from gateway.transport.limits import Limits as TransportLimits
from gateway.transport.pool import ConnectionPool
from gateway.upstream import Upstream
from gateway.websocket.dial import WebsocketDialer
from gateway.websocket.front import WebsocketFront
from identity.accepted_keys import AcceptedKeys
from identity.keyring import Keyring
from policies.tightening import TighteningRule
from storage.bodies import bodies_writer
from storage.journal import Journal
from storage.journal_error import JournalError
from storage.people import KeyringError
from storage.signing import Signer, signer_in
from storage.state.when_needed import StateWhenNeeded

JSON = b"application/json"
PROMETHEUS = b"text/plain; version=0.0.4; charset=utf-8"


class Gateway:
    """One worker's parts, and their life.

    `writer` names its journal segment. `elsewhere` answers what is neither the model API nor a page of the worker,
    and `office_fault` says why it cannot. `accepted` is the file of passed-through keys that the upstream accepted.
    """

    def __init__(
        self,
        loaded: Loaded,
        writer: str,
        environ: Mapping[str, str],
        elsewhere: Elsewhere = not_here,
        *,
        office_fault: Callable[[], str | None] = lambda: None,
        accepted: Path | None = None,
    ) -> None:
        settings = loaded.settings
        self.settings = settings
        self._loaded = loaded
        self._signer: Signer | None = None
        self._environ = environ
        self.data = Path(settings.storage.data)
        self.metrics = Metrics()
        self.registry = self.metrics.registry
        self.endpoints: EndpointTable = load_endpoints()
        self.chain: Chain = load_chain(loaded, self.metrics.fault)
        check_coverage(self.endpoints, self.chain, settings)
        self.accepted = AcceptedKeys(accepted or self.data / "run" / "accepted")
        self.journal = self._journal_of(writer)
        self.bodies = self._bodies_of(writer)
        self.keyring = Keyring(self.data, synced=settings.audit.durability == "fsync")
        self.pushed = Pushed(self.data / PUSHED, self.keyring.pseudonym_of)
        self.live_flags = LiveFlags(loaded, environ)
        self.policies = policies_in_force(settings)
        carry_on = settings.audit.on_failure == "carry_on"
        self.recorder = Recorder(
            self.journal,
            self.metrics,
            self.chain.of(Hooks.record),
            carry_on=carry_on,
            accepted=self.accepted,
            keyring=self.keyring,
            policies=self.policies,
            bodies=self.bodies,
            tightening=Tightening(self._tightening_rules, self.pushed, new_tightening_id),
            flags=self.live_flags.flags,
            tools=self.chain.tools,
        )
        readiness = Readiness(
            self.chain,
            self.journal,
            self.keyring,
            office_fault,
            carry_on=carry_on,
            bodies=self.bodies.journal if self.bodies else None,
            policy_fault=lambda: self.policies.failure,
            ticks_fault=lambda: self._ticks.failure,
        )
        self.upstreams = {"default": upstream_of(settings)}
        self.bus = SignalBus()
        self.kept = Kept(StateWhenNeeded(self.data, settings.storage.state_url), self.keyring)
        self.pipeline = Pipeline(
            self.chain,
            self.upstreams,
            self.endpoints,
            self.recorder,
            Sizes(settings.server.max_json_bytes, settings.server.max_body_bytes),
            bus=self.bus,
            budgets=lambda: self.policies.tools.budgets,
            kept=self.kept,
        )
        health: dict[bytes, Page] = {b"/healthz": self._healthz, b"/readyz": readiness.page}
        pages: dict[bytes, Page] = {**health, b"/metrics": self._metrics}
        apart = settings.admin.listen is not None
        elsewhere = PreviewFront(self.pipeline, self.chain, settings, self.policies, elsewhere)
        self.admin_front = AdminFront(pages, elsewhere)
        self.front = Front(
            self.pipeline,
            self.endpoints,
            health if apart else pages,
            not_here if apart else elsewhere,
            bare_paths=settings.server.bare_paths,
            max_concurrent=settings.server.max_concurrent,
            cors_origins=settings.server.cors_origins,
        )
        self.websockets = WebsocketFront(
            self.pipeline,
            {"default": websocket_dialer_of(settings)},
            self.endpoints,
            self.front.seats,
            bare_paths=settings.server.bare_paths,
            patience=settings.server.write_timeout,
        )
        self._ticks = Ticks(self._looks(), FLUSH_SECONDS)

    async def start(self) -> None:
        """Opens the journal and the keyring, and tells the plugins. Errors: JournalError, KeyringError, LoadError."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.keyring.open()
        self._signer = signer_in(self.data)
        self.journal.open()
        if self.bodies is not None:
            self.bodies.journal.open()
        self._hear_office()
        self._hear_policies()
        startup = startup_of(
            self._loaded,
            self.data,
            self._environ,
            self.registry,
            flags=self.live_flags.flags,
            standing=self.pushed.standing,
            tools=self.chain.tools,
            policies=self.policies,
            bus=self.bus,
            ask=OwnQuestions(self.upstreams["default"]).ask,
            accepted=self.accepted.knows,
            people=self.keyring,
        )
        await start_plugins(self.chain, startup)
        self._ticks.start()

    async def stop(self) -> None:
        """Lets the plugins and connections go; the journal last."""
        await self.recorder.close()
        await stop_plugins(self.chain)
        for upstream in self.upstreams.values():
            await upstream.transport.aclose()
        self.journal.close()
        if self.bodies is not None:
            self.bodies.journal.close()
        self.accepted.close()
        self.kept.close()
        self._ticks.stop()
        self.keyring.close()
        self._flush_once()

    def _journal_of(self, writer: str) -> Journal:
        return Journal(self.data / "journal", writer, durability=self.settings.audit.durability, sign=self._signed)

    def _bodies_of(self, writer: str) -> Bodies | None:
        audit = self.settings.audit
        if audit.bodies == "off":
            return None
        return Bodies(self._journal_of(bodies_writer(writer)), audit.bodies, audit.max_body_bytes)

    def _tightening_rules(self) -> Sequence[TighteningRule]:
        return self.policies.tools.tightening

    def _signed(self, root: bytes) -> bytes:
        """Signs a root of the journal; the key is there since the start, before any root."""
        if self._signer is None:
            raise JournalError("The journal has no key to sign with before the gateway has started.")
        return self._signer(root)

    def _healthz(self) -> tuple[int, bytes, bytes]:
        return 200, JSON, b'{"status":"ok"}'

    def _metrics(self) -> tuple[int, bytes, bytes]:
        self._flush_once()
        return 200, PROMETHEUS, exposed(self.registry, self._environ)

    def _looks(self) -> Mapping[str, Callable[[], object]]:
        looks: dict[str, Callable[[], object]] = {
            "metrics": self._flush_once,
            "what the office tells": self._hear_office,
            "policies": self._hear_policies,
            "the journal": self.journal.renew,
            "people": self._hear_people,
        }
        return looks if self.bodies is None else {**looks, "bodies": self.bodies.journal.renew}

    def _hear_office(self) -> None:
        """Takes over what the office tells, and what the settings file says of flags."""
        self.pushed.catch_up()
        self.live_flags.catch_up(self.pushed.flags)

    def _hear_policies(self) -> None:
        for change in self.policies.catch_up():
            self.metrics.policy_read(change.file, change.result)

    def _flush_once(self) -> None:
        self.metrics.open.set(self.front.open)
        self.metrics.signals(self.bus)
        self.metrics.flush()

    def _hear_people(self) -> None:
        # What cannot be read stands in its `failure`, and is tried again.
        with suppress(KeyringError):
            if self.keyring.catch_up():
                self.accepted.reread()


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
