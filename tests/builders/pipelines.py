"""Pipelines with fakes at their borders: what an exchange meets, without a server, an upstream, or a socket."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from gateway import Caller, Exchange, hookimpl
from gateway.endpoints import load_endpoints
from gateway.hooks import Fault
from gateway.hookspecs import Hooks
from gateway.live_policies import LivePolicies
from gateway.loader import Chain, Common, Plugin, chain_of
from gateway.metrics import Metrics
from gateway.passage import Passage
from gateway.pipeline import Pipeline, Sizes
from gateway.recorder import Recorder
from gateway.testing import a_caller
from gateway.tools.kept import Kept
from gateway.transport import Transport
from gateway.upstream import Upstream
from identity.accepted_keys import AcceptedKeys
from identity.keyring import Keyring
from policies.tools import Budgets
from storage.journal import Journal
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from storage.state.when_needed import StateWhenNeeded
from tests.builders.fake_client import FakeClient
from tests.builders.fake_transport import FakeTransport
from tests.builders.gateway import exchange_lines

DEFAULT_BUDGETS = Budgets()
ENDPOINTS = load_endpoints()
POLICIES = LivePolicies()


def a_state(folder: Path) -> StateWhenNeeded:
    """Gives a state, not open yet, whose tables the office has made."""
    state = State(folder)
    state.open(brought_up_to_date)
    state.close()
    return StateWhenNeeded(folder)


class KnowsAll:
    """Identifies every caller."""

    def __init__(self, caller: Caller | None = None) -> None:
        self.caller = caller or a_caller()

    @hookimpl
    def identify(self, exchange: Exchange) -> Caller:
        return self.caller


class Remembers:
    """Keeps the exchanges that it is told of at their end."""

    def __init__(self) -> None:
        self.ended: list[Exchange] = []

    @hookimpl
    def record(self, exchange: Exchange) -> None:
        self.ended.append(exchange)


class Faults:
    """Keeps what the gateway counts."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, Fault]] = []

    def __call__(self, plugin: str, hook: str, kind: Fault) -> None:
        self.seen.append((plugin, hook, kind))


def a_chain(*plugins: object, faults: Faults | None = None, common: Common | None = None) -> Chain:
    """Gives the chain of these plugins, each named like its class."""
    loaded = [Plugin(type(plugin).__name__, "1", "test", plugin, common or Common()) for plugin in plugins]
    return chain_of(loaded, faults or Faults())


class Passages:
    """Runs passages through one pipeline, with a real journal; `plugins` follow one that knows every caller."""

    def __init__(
        self,
        folder: Path,
        transport: Transport | Mapping[str, Transport] | None = None,
        *plugins: object,
        identify: object | None = None,
        carry_on: bool = False,
        api_key: str | None = "sk-operator",
        sizes: Sizes | None = None,
        common: Common | None = None,
        journal: Journal | None = None,
        budgets: Budgets = DEFAULT_BUDGETS,
        keeps: bool = False,
    ) -> None:
        self.seen = Remembers()
        self.faults = Faults()
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.journal = journal or Journal(folder / "journal", "worker-0")
        self.journal.open()
        chain = a_chain(identify or KnowsAll(), *plugins, self.seen, faults=self.faults, common=common)
        self.accepted = AcceptedKeys(folder / "accepted")
        self.keyring = Keyring(folder)
        self.keyring.open()
        self.recorder = Recorder(
            self.journal,
            self.metrics,
            chain.of(Hooks.record),
            carry_on=carry_on,
            accepted=self.accepted,
            keyring=self.keyring,
            policies=POLICIES,
        )
        self.kept = Kept(a_state(folder), self.keyring) if keeps else None
        transports = transport if isinstance(transport, Mapping) else {"default": transport or FakeTransport()}
        self.pipeline = Pipeline(
            chain,
            {name: Upstream(name, "http://upstream.test/v1", api_key, each) for name, each in transports.items()},
            ENDPOINTS,
            self.recorder,
            sizes or Sizes(json_body=1 << 20, body=1 << 20),
            budgets=lambda: budgets,
            kept=self.kept,
        )

    def begin(self, client: FakeClient) -> "asyncio.Task[None]":
        """Begins an exchange, as the server would."""
        client.task = asyncio.ensure_future(Passage(self.pipeline, client, 3).run())
        return client.task

    async def carry(self, client: FakeClient) -> None:
        """Carries an exchange to its end."""
        async with asyncio.timeout(5):
            await self.begin(client)

    def lines(self) -> list[dict[str, Any]]:
        """The lines of the journal."""
        return exchange_lines(self.journal.path.read_bytes())

    def record(self) -> dict[str, Any]:
        """The one record that there must be, after its one beginning, and told to the plugins once."""
        began, ended = self.lines()
        assert (began["event"], ended["event"]) == ("began", "ended")
        assert began["audit_id"] == ended["audit_id"]
        assert [exchange.id for exchange in self.seen.ended] == [ended["audit_id"]]
        return ended

    def close(self) -> None:
        """Lets go of the files."""
        self.journal.close()
        self.accepted.close()
        self.keyring.close()
        if self.kept is not None:
            self.kept.close()
