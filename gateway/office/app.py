"""Builds the office from its settings: the plugins' handlers beside our own, in one Litestar application."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException
from prometheus_client import CollectorRegistry

from gateway.endpoints import load_endpoints
from gateway.hooks import Counted
from gateway.hookspecs import Hooks
from gateway.lifecycle import start_plugins, startup_of, stop_plugins
from gateway.live_flags import LiveFlags
from gateway.live_policies import policies_in_force
from gateway.loader import Chain, LoadError, load_chain
from gateway.office.audit.names import Names
from gateway.office.audit.routes import audit_routes
from gateway.office.audit.visits import Visits
from gateway.office.bodies import KeptBodies, bodies_route
from gateway.office.callers import Callers
from gateway.office.chores import Chore
from gateway.office.documents import openapi_config, openapi_json, with_worker_pages
from gateway.office.erasure import erasure_routes
from gateway.office.feedback.feedback import Feedback
from gateway.office.feedback.routes import feedback_routes, lock_routes
from gateway.office.feedback.symbols import PersonalSymbols
from gateway.office.flags import flag_routes
from gateway.office.incidents.routes import incident_routes, tightening_routes
from gateway.office.incidents.tightenings import Tightenings
from gateway.office.incidents.webhook import LOOK_AGAIN, WebhookCalls
from gateway.office.modulation import Around, modulation_routes
from gateway.office.policy_watch import PolicyWatch
from gateway.office.records import Records
from gateway.office.refusing import Refused, broken, not_done, refused, unreadable
from gateway.office.retention_report import retention_route
from gateway.office.safe_headers import with_safe_headers
from gateway.office.signals import signal_routes
from gateway.office.sql import sql_routes
from gateway.office.state_keeping import StateKeeping
from gateway.office.tier_check import tier_check_route
from gateway.office.tools.registry import registry_routes
from gateway.office.tools.tasks import task_routes
from gateway.office.views import plugin_views
from gateway.pipeline import Sizes
from gateway.preview import Previews
from gateway.pushed import FILE as PUSHED
from gateway.settings import Loaded, Settings
from gateway.tools.kept import Kept
from gateway.tools.offering import Offering
from identity.accepted_keys import AcceptedKeys
from identity.caller import Caller
from identity.erasure import Erasure
from identity.keyring import Keyring
from policies.modulation.callers import Callers as RememberedCallers
from policies.queries import load_queries
from storage.blocked_calls import BlockedCalls
from storage.bodies import bodies_writer
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from storage.state.when_needed import StateWhenNeeded
from storage.tombstones import OFFICE

PEOPLE_SECONDS = 1.0
POLICIES_SECONDS = 1.0
STATE_SECONDS = 1.0
TIGHTENINGS_SECONDS = 0.4


class Office:
    """The office's parts, and their life; `app` is what a server serves."""

    def __init__(
        self,
        loaded: Loaded,
        environ: Mapping[str, str],
        counted: Counted,
        accepted: Path,
        registry: CollectorRegistry | None = None,
        *,
        tell: Callable[[str | None], None] = lambda _: None,
        stuck: Callable[[], None] = lambda: None,
        tightened: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Puts the parts together; without a registry the plugins' metrics go nowhere.

        `tell` learns what is wrong while the office runs, None once all is well; `stuck` of a question that nothing
        but the end of the process stops; `tightened` how often rules withheld something. Errors: LoadError,
        DocumentError.
        """
        self._loaded = loaded
        settings = loaded.settings
        self._environ = environ
        self._registry = registry
        self._accepted = AcceptedKeys(accepted)
        self.chain = load_chain(loaded, counted)
        callers = Callers(self.chain.of(Hooks.identify), self._accepted)
        folder = Path(settings.policies.folder) if settings.policies.folder else None
        self.policies, queries = policies_in_force(settings), load_queries(folder)
        data = Path(settings.storage.data)
        self.keyring = Keyring(data, synced=settings.audit.durability == "fsync")
        self.records = Records(
            data,
            settings.audit.durability,
            archive_after_days=settings.storage.archive_after_days,
            retention=settings.retention,
            writers=_writers(settings),
            views=plugin_views(self.chain),
            people=self.keyring,
            chores=(
                Chore("people", PEOPLE_SECONDS, self._look_after_people),
                Chore("state", STATE_SECONDS, lambda: self.keeping.run()),
                Chore("policies", POLICIES_SECONDS, lambda: self._policy_watch.run()),
                Chore("tightenings", TIGHTENINGS_SECONDS, lambda: self.tightenings.run()),
                Chore("webhook", LOOK_AGAIN.total_seconds(), lambda: self._webhook.run()),
                *_engines(self.chain),
            ),
            tell=tell,
            stuck=stuck,
        )
        self._homeostasis = RememberedCallers()
        self._kept = Kept(StateWhenNeeded(data, settings.storage.state_url), self.keyring)
        self._policy_watch = PolicyWatch(self.policies, data, self.records.log.append)
        self.state = State(data, settings.storage.state_url)
        self._feedback = Feedback(self.state, self.records.bundles, self.keyring, self.records.log.append)
        self.keeping = StateKeeping(
            self.state, self.keyring, self._feedback, data / PUSHED, LiveFlags(loaded, environ), settings.retention
        )
        calls, append = BlockedCalls(self.records.warehouse), self.records.log.append
        self.tightenings = Tightenings(
            lambda: self.policies.tools.tightening,
            self.state,
            calls,
            self.keyring,
            news=lambda: self.records.news,
            append=append,
            push=self.keeping.push,
            tightened=tightened,
        )
        self._webhook = WebhookCalls(lambda: self.policies.tools.webhook, calls, append, environ)
        ours = [
            openapi_json,
            tier_check_route(self.policies),
            *audit_routes(
                self.records.bundles,
                self.records.log.append,
                Names(self.keyring),
                visits=Visits(callers),
                feedback=True,
            ),
            *self._state_routes(),
            *incident_routes(self.records.sandbox),
            *registry_routes(self._offering()),
            *signal_routes(self.records.bundles, Names(self.keyring), lambda: self.policies.modulation),
            *self._preview_routes(),
            *sql_routes(self.records.sandbox, queries),
            *erasure_routes(self._erasure(data), self._asker, self._tightened_until),
            bodies_route(self._kept_bodies(data)),
            retention_route(settings.retention, lambda: self.records.retention.report),
        ]
        try:
            self.app = Litestar(
                [*ours, *_handlers(self.chain)],
                dependencies={"caller": Provide(callers.of_request)},
                guards=[callers.signed_in],
                before_send=[with_safe_headers],
                exception_handlers={
                    Refused: refused,
                    HTTPException: not_done,
                    UnicodeDecodeError: unreadable,
                    RecursionError: unreadable,
                    Exception: broken,
                },
                openapi_config=openapi_config(version("lukhas-gateway")),
                logging_config=None,
                request_max_body_size=settings.server.max_json_bytes,
            )
        except Exception as error:
            raise LoadError(f"The handlers of the plugins do not fit together: {error}") from error
        with_worker_pages(self.app.openapi_schema)

    async def start(self) -> None:
        """Opens what is kept, tells the plugins, and begins to keep the records in order.

        Errors: KeyringError, StateError, LoadError.
        """
        self.keyring.open()
        await asyncio.to_thread(self.state.open, brought_up_to_date)
        await asyncio.to_thread(self.keeping.start)
        startup = startup_of(
            self._loaded,
            Path(self._loaded.settings.storage.data),
            self._environ,
            self._registry,
            flags=self.keeping.live_flags.flags,
            standing=self.keeping.pushed.standing,
            tools=self.chain.tools,
            policies=self.policies,
            homeostasis=self._homeostasis,
            accepted=self._accepted.knows,
            people=self.keyring,
        )
        await start_plugins(self.chain, startup)
        await asyncio.to_thread(self.records.start)

    async def stop(self) -> None:
        """Lets the plugins go, and closes what is kept."""
        await stop_plugins(self.chain)
        await asyncio.to_thread(self.records.stop)
        self.state.close()
        self._kept.close()
        self.keyring.close()
        self._accepted.close()

    def _preview_routes(self) -> Sequence[Any]:
        settings = self._loaded.settings
        sizes = Sizes(settings.server.max_json_bytes, settings.server.max_body_bytes)
        previews = Previews(self.chain, self._homeostasis, sizes, self.policies, self._kept)
        names = Names(self.keyring)
        around = Around(
            self.chain, settings, load_endpoints(), self.records.bundles, names, self.policies, self._tighten_now
        )
        return modulation_routes(previews, around)

    def _offering(self) -> Offering:
        """Gives who may use which hosted tool, as the workers have it."""
        flags, standing = self.keeping.live_flags.flags, self.keeping.pushed.standing
        return Offering(self.chain.tools, self.policies, flags, standing, self._accepted.knows)

    def _erasure(self, data: Path) -> Erasure:
        return Erasure(
            data,
            self.keyring,
            self.records.log.append,
            exchanges_of=self.records.exchanges_of,
            take_out=self.keeping.take_out,
            forget=self.records.forget,
        )

    def _tighten_now(self) -> None:
        """Withholds what the blocked calls that the workers have written lead to, ahead of its turn."""
        self.records.catch_up()
        self.tightenings.run()

    def _tightened_until(self, principal: str) -> datetime | None:
        """Gives when what is withheld from somebody ends, by all that the workers have written."""
        self.records.catch_up()
        return self.tightenings.until(principal)

    def _state_routes(self) -> Sequence[Any]:
        """Gives the handlers of what people say and set while the gateway runs."""
        push, append = self.keeping.push, self.records.log.append
        names, flags = Names(self.keyring), self.keeping.flags_now
        return [
            *feedback_routes(self._feedback, PersonalSymbols(self.state, self.keyring)),
            *task_routes(self.state, self.keyring),
            *lock_routes(self.state, self._feedback, names, self._asker, push),
            *tightening_routes(self.tightenings, names, self._asker),
            *flag_routes(self.state, flags, self._asker, append, push),
        ]

    def _kept_bodies(self, data: Path) -> KeptBodies:
        return KeptBodies(data, self.records.bundles, self.keyring, self.records.log.append, self._asker)

    def _asker(self, caller: Caller) -> str:
        """Gives the name of who asks, as events have it: that of the role, or the pseudonym. Errors: KeyringError."""
        return caller.principal if caller.kind == "admin" else self.keyring.person(caller.principal).pseudonym

    def _look_after_people(self) -> bool:
        """Notices whom others erased, and writes over what could not be written over at once."""
        if self.keyring.catch_up():
            self._accepted.reread()
        self.keyring.scrub()
        return False


def _writers(settings: Settings) -> frozenset[str]:
    """Gives the writers of the journal that are at work while the gateway is."""
    workers = [f"worker-{number}" for number in range(settings.server.workers)]
    bodies = [] if settings.audit.bodies == "off" else [bodies_writer(worker) for worker in workers]
    return frozenset((OFFICE, *workers, *bodies))


def _engines(chain: Chain) -> Iterator[Chore]:
    for name, register in chain.life(Hooks.register_engines):
        try:
            yield from register() or ()
        except Exception as error:
            raise LoadError(f"The plugin {name} cannot give its engines: {error}") from error


def _handlers(chain: Chain) -> Iterator[Any]:
    for name, register in chain.life(Hooks.register_handlers):
        try:
            yield from register() or ()
        except Exception as error:
            raise LoadError(f"The plugin {name} cannot give its handlers: {error}") from error
