"""Leaves the record of each exchange: its journal lines first, then metrics, then whoever wants to know.

The lines name the caller by a pseudonym alone, and an exchange keeps the one that it began with. They name nobody whose
key is passed through and was never accepted by the upstream: whoever makes up keys becomes no person of ours.
"""

import asyncio
from datetime import UTC, datetime
from http.client import SWITCHING_PROTOCOLS
from time import monotonic_ns
from typing import NamedTuple

from gateway.answered_by import AnsweredBy, answered_by
from gateway.answers import Refusal
from gateway.bodies import Bodies
from gateway.bundle import began_line, ended_line, endpoint_name, prompt_hash, upstream_ns
from gateway.exchange import Exchange
from gateway.flags import Flags
from gateway.hooks import Implementation, Pending
from gateway.incidents import as_hosted, blocked_in, incident_lines, incidents_of, is_blocked
from gateway.live_policies import LivePolicies
from gateway.metrics import Metrics
from gateway.tightening import Tightening, tightening_lines
from gateway.tools.registry import NO_TOOLS, ToolRegistry
from identity.accepted_keys import AcceptedKeys
from identity.keyring import NOBODY, Keyring, Person
from policies.prices import Cost
from storage.journal import Journal
from storage.journal_error import JournalError
from storage.people import KeyringError

ANALYTICS = "TOOL_ANALYTICS"
UNKEPT = "its bodies could not be kept"
UNNAMED = "its caller could not be looked up"
UNRECORDABLE = Refusal(
    "The gateway cannot record this request and therefore does not carry it. Try again later.",
    code="journal_unavailable",
    status=503,
    retry_after=5,
)


class Named(NamedTuple):
    """Whom the lines of an exchange name; `failed` says that this could not be looked up."""

    principal: str = ""
    person: Person | None = None
    failed: bool = False

    @property
    def pseudonym(self) -> str | None:
        """What stands in the lines as `caller`."""
        return self.person.pseudonym if self.person is not None else None

    def lines(self, lines: bytes) -> bytes:
        """Takes the principal out of what errors and the reasons of plugins repeat."""
        return (self.person or NOBODY).in_place_of(self.principal, lines)


NO_CALLER = Named()


class Recorder:
    """Writes what the pipeline tells it; `carry_on` lets exchanges pass that the journal could not take.

    `accepted` learns how the upstream answered the keys that were passed through; `keyring` knows the callers'
    pseudonyms; `policies` say what tokens cost; `bodies` keeps the bodies, where the settings ask for it. `waits` says
    that the last bytes of a reply wait for `durable`, `makes_ready` that a record may take long to be made ready.
    `tightening` learns of blocked calls; `flags` say whether calls of tools that ran are recorded; `tools` are the
    hosted ones.
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
        policies: LivePolicies,
        bodies: Bodies | None = None,
        tightening: Tightening | None = None,
        flags: Flags | None = None,
        tools: ToolRegistry = NO_TOOLS,
    ) -> None:
        self._journal = journal
        self._tools = tools
        self._tightening = tightening
        self._flags = flags
        self._keyring = keyring
        self.policies = policies
        self._bodies = bodies
        self._named: dict[str, Named] = {}
        self._metrics = metrics
        self._record = record
        self._carry_on = carry_on
        self._accepted = accepted
        self._waiting: set[asyncio.Task[None]] = set()
        self.waits = journal.waits
        self.makes_ready = bodies is not None

    def began(self, exchange: Exchange) -> Refusal | None:
        """Writes the first line; gives the refusal of an exchange that must not go on without it."""
        named = self._named[exchange.id] = self._named_in(exchange)
        if named.failed and not self._carry_on:
            # Both lines are written at its end, which is now.
            return UNRECORDABLE
        return self._append(named.lines(began_line(exchange, named.pseudonym)))

    def takes_long(self, exchange: Exchange) -> bool:
        """Says whether `make_ready` should come before `ended`, where the end of the exchange can wait."""
        return self._bodies is not None and exchange.caller is not None and self._bodies.takes_long(exchange)

    async def make_ready(self, exchange: Exchange) -> None:
        """Makes ready what takes long of an exchange to which nothing will happen any more."""
        if self._bodies is not None:
            await self._bodies.make(exchange)

    def ended(self, exchange: Exchange, status: int | None, *, began: bool) -> Refusal | None:
        """Writes the last line, with the first where nothing was sent; then counts and tells the record hooks.

        It never waits, so that nothing can cancel it. Gives the refusal of a reply that must not go out.
        """
        now = monotonic_ns()
        named = self._named_at_end(exchange)
        refused = UNRECORDABLE if named.failed and not self._carry_on else None
        if named.failed:
            exchange.error = exchange.error or UNNAMED
        if self._bodies is not None:
            refused = self._keep(self._bodies, exchange, named.person) or refused
        exchange.policy = exchange.policy or self.policies.revision
        by = answered_by(exchange)
        exchange.cost = self._cost(exchange, by)
        analytics = not exchange.tools or self._analyses(named.principal)
        waited = upstream_ns(exchange)
        lines = ended_line(exchange, named.person, by, status, now, waited, analytics=analytics)
        if not began:
            lines = began_line(exchange, named.pseudonym) + lines
        if exchange.tools:
            lines += self._used(exchange, named.person)
        refusal = self._append(named.lines(lines)) or refused
        self._metrics.ended(exchange, endpoint_name(exchange), status or 0, now - exchange.clock, waited)
        status_of_key = _status_of_key(exchange)
        if status_of_key is not None:
            self._accepted.answered(named.principal, status_of_key)
        for implementation in self._record:
            waiting = implementation.ask(exchange)
            if isinstance(waiting, Pending):
                self._wait_for(waiting)
        return refusal

    def _analyses(self, principal: str) -> bool:
        return self._flags is None or self._flags.on(ANALYTICS, principal)

    def _used(self, exchange: Exchange, person: Person | None) -> bytes:
        """Counts the calls of tools; gives the lines of the incidents, and of what they led to."""
        used = [as_hosted(use, self._tools) for use in exchange.tools]
        self._metrics.used(used)
        if not any(map(is_blocked, used)):
            return b""
        caller = person.pseudonym if person is not None else None
        lines = incident_lines(incidents_of(exchange, used, caller, prompt_hash(exchange, person)))
        blocked = blocked_in(exchange, used)
        if caller is None or not blocked or self._tightening is None:
            return lines
        events = self._tightening.blocked(caller, blocked)
        self._metrics.tightened(len(events))
        return lines + tightening_lines(events)

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
        return self.policies.prices.cost(by.model or exchange.request.model_label, usage, arrived, by.service_tier)

    def _named_in(self, exchange: Exchange) -> Named:
        caller = exchange.caller
        if caller is None:
            return NO_CALLER
        return self._looked_up(caller.principal, is_somebody=caller.kind != "passthrough")

    def _named_at_end(self, exchange: Exchange) -> Named:
        named = self._named.pop(exchange.id, None) or self._named_in(exchange)
        if named.person is not None or named.failed:
            return named
        return self._looked_up(named.principal, is_somebody=True) if _accepts(exchange) else named

    def _looked_up(self, principal: str, *, is_somebody: bool) -> Named:
        """Gives whom a principal is; one who is new becomes a person only where they are known to be somebody."""
        try:
            person = self._keyring.known(principal)
            if person is None and (is_somebody or self._accepted.knows(principal)):
                person = self._keyring.person(principal)
        except KeyringError:
            self._metrics.journal_failures.inc()
            return Named(principal, failed=True)
        return Named(principal, person)

    def _keep(self, bodies: Bodies, exchange: Exchange, person: Person | None) -> Refusal | None:
        """Keeps the bodies ahead of the record, which says where that could not be done; nobody's are not kept."""
        if person is None:
            bodies.drop(exchange)
            return None
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


def _accepts(exchange: Exchange) -> bool:
    """Says whether the upstream took the key that was passed through: it answered well, or opened a websocket."""
    status = _status_of_key(exchange)
    return status is not None and (status == SWITCHING_PROTOCOLS or 200 <= status < 300)


def _status_of_key(exchange: Exchange) -> int | None:
    """Gives how the upstream answered a key that was passed through; None where it did not answer to one."""
    caller, reply = exchange.caller, exchange.reply
    # A path that the table does not know may be one that the upstream answers without looking at the key.
    if reply is None or caller is None or caller.kind != "passthrough" or exchange.endpoint is None:
        return None
    return reply.status


async def _finished(waiting: Pending) -> None:
    await waiting
