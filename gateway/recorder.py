"""Leaves the record of each exchange: its journal lines first, then metrics, then whoever wants to know.

The lines name the caller by a pseudonym alone, and an exchange keeps the one that it began with.
"""

import asyncio
from datetime import UTC, datetime
from time import monotonic_ns
from typing import NamedTuple

from gateway.answered_by import AnsweredBy, answered_by
from gateway.answers import Refusal
from gateway.bodies import Bodies
from gateway.bundle import began_line, ended_line, endpoint_name, upstream_ns
from gateway.exchange import Exchange
from gateway.hooks import Implementation, Pending
from gateway.metrics import Metrics
from identity.accepted_keys import AcceptedKeys
from identity.keyring import Keyring, Person, nobody
from policies.prices import Cost, Prices
from storage.journal import Journal
from storage.journal_error import JournalError
from storage.people import KeyringError

UNKEPT = "its bodies could not be kept"
UNRECORDABLE = Refusal(
    "The gateway cannot record this request and therefore does not carry it. Try again later.",
    code="journal_unavailable",
    status=503,
    retry_after=5,
)


class Named(NamedTuple):
    """Whom the lines of an exchange name; `refusal` says that this could not be looked up, and is somebody made up."""

    principal: str = ""
    person: Person | None = None
    refusal: Refusal | None = None

    @property
    def pseudonym(self) -> str | None:
        """What stands in the lines as `caller`."""
        return self.person.pseudonym if self.person is not None else None

    def lines(self, lines: bytes) -> bytes:
        """Takes the principal out of what errors and the reasons of plugins repeat."""
        return self.person.in_place_of(self.principal, lines) if self.person is not None else lines


NO_CALLER = Named()


class Recorder:
    """Writes what the pipeline tells it; `carry_on` lets exchanges pass that the journal could not take.

    `accepted` learns how the upstream answered the keys that were passed through; `keyring` knows the callers'
    pseudonyms; `prices` says what tokens cost; `bodies` keeps the bodies, where the settings ask for it. `waits` says
    that the last bytes of a reply wait for `durable`.
    """

    def __init__(
        self,
        journal: Journal,
        metrics: Metrics,
        record: tuple[Implementation, ...],
        *,
        carry_on: bool,
        accepted: AcceptedKeys,
        keyring: Keyring,
        prices: Prices,
        bodies: Bodies | None = None,
    ) -> None:
        self._journal = journal
        self._keyring = keyring
        self._prices = prices
        self._bodies = bodies
        self._named: dict[str, Named] = {}
        self._metrics = metrics
        self._record = record
        self._carry_on = carry_on
        self._accepted = accepted
        self._waiting: set[asyncio.Task[None]] = set()
        self.waits = journal.waits

    def began(self, exchange: Exchange) -> Refusal | None:
        """Writes the first line; gives the refusal of an exchange that must not go on without it."""
        named = self._named[exchange.id] = self._named_in(exchange)
        return self._append(named.lines(began_line(exchange, named.pseudonym))) or named.refusal

    def ended(self, exchange: Exchange, status: int | None, *, began: bool) -> Refusal | None:
        """Writes the last line, with the first where nothing was sent; then counts and tells the record hooks.

        It never waits, so that nothing can cancel it. Gives the refusal of a reply that must not go out.
        """
        now = monotonic_ns()
        named = self._named.pop(exchange.id, None) or self._named_in(exchange)
        refused = named.refusal
        if self._bodies is not None and named.person is not None:
            refused = self._keep(self._bodies, exchange, named.person) or refused
        by = answered_by(exchange)
        exchange.cost = self._cost(exchange, by)
        lines = ended_line(exchange, named.person, by, status, now)
        if not began:
            lines = began_line(exchange, named.pseudonym) + lines
        refusal = self._append(named.lines(lines)) or refused
        self._metrics.ended(exchange, endpoint_name(exchange), status or 0, now - exchange.clock, upstream_ns(exchange))
        caller, reply = exchange.caller, exchange.reply
        # A path that the table does not know may be one that the upstream answers without looking at the key.
        if reply is not None and caller is not None and caller.kind == "passthrough" and exchange.endpoint is not None:
            self._accepted.answered(caller.principal, reply.status)
        for implementation in self._record:
            waiting = implementation.ask(exchange)
            if isinstance(waiting, Pending):
                self._wait_for(waiting)
        return refusal

    async def durable(self) -> Refusal | None:
        """Waits (fsync) until what was written is on the disk; gives the refusal of a reply that is not."""
        try:
            if self._bodies is not None:
                await self._bodies.journal.durable()
            await self._journal.durable()
        except JournalError:
            self._metrics.journal_failures.inc()
            return None if self._carry_on else UNRECORDABLE
        return None

    def _cost(self, exchange: Exchange, by: AnsweredBy) -> Cost | None:
        """Gives what the tokens cost on the day of the request, at the price of the model that answered."""
        usage = exchange.usage
        if usage is None:
            return None
        arrived = datetime.fromtimestamp(exchange.arrived / 1e9, UTC)
        return self._prices.cost(by.model or exchange.request.model_label, usage, arrived, by.service_tier)

    def _named_in(self, exchange: Exchange) -> Named:
        caller = exchange.caller
        if caller is None:
            return NO_CALLER
        try:
            return Named(caller.principal, self._keyring.person(caller.principal))
        except KeyringError:
            self._metrics.journal_failures.inc()
            return Named(caller.principal, nobody(), None if self._carry_on else UNRECORDABLE)

    def _keep(self, bodies: Bodies, exchange: Exchange, person: Person) -> Refusal | None:
        """Keeps the bodies ahead of the record, which says where that could not be done."""
        try:
            bodies.keep(exchange, person)
        except JournalError:
            self._metrics.journal_failures.inc()
            exchange.error = exchange.error or UNKEPT
            return None if self._carry_on else UNRECORDABLE
        return None

    def _append(self, lines: bytes) -> Refusal | None:
        try:
            self._journal.append(lines)
        except JournalError:
            self._metrics.journal_failures.inc()
            return None if self._carry_on else UNRECORDABLE
        return None

    def _wait_for(self, waiting: Pending) -> None:
        task = asyncio.ensure_future(_finished(waiting))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def close(self) -> None:
        """Waits for the record hooks that are still at work."""
        if self._waiting:
            await asyncio.wait(self._waiting)


async def _finished(waiting: Pending) -> None:
    await waiting
