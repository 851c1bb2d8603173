"""Keeps the bodies of exchanges where the settings ask for it: in a journal of their own, for one person to open.

To look through long texts for secrets takes long. That is done in a thread, where the end of the exchange can wait.
"""

import asyncio
import os
from datetime import UTC, datetime
from typing import Literal

from gateway.body_parts import parts_of
from gateway.exchange import Exchange
from gateway.writable import written
from identity.keyring import Person
from storage.bodies import NONCE_BYTES, body_event
from storage.journal import Journal

MOST_AT_ONCE = 8 << 10
"""How many bytes of an exchange are made ready in the loop of the worker: 2 ms."""
LEAST_KEPT = 4 << 10
"""How much of each long body is kept where nothing may wait."""


class Bodies:
    """Writes the event `body` of an exchange; `limit` is how many bytes of each body are kept.

    `which` of `refused` keeps those that the gateway refused, in part or as a whole.
    """

    def __init__(
        self,
        journal: Journal,
        which: Literal["refused", "all"],
        limit: int,
    ) -> None:
        self.journal = journal
        self._all = which == "all"
        self._limit = limit
        self._made: dict[str, bytes | None] = {}
        self._turn = asyncio.Semaphore(1)

    def takes_long(self, exchange: Exchange) -> bool:
        """Says whether `make` should come before `keep`, once all that happened to the exchange stands in it."""
        return _size(exchange) > MOST_AT_ONCE and self._are_kept(exchange)

    async def make(self, exchange: Exchange) -> None:
        """Makes ready what `keep` is to keep, apart from the loop and one exchange at a time."""
        async with self._turn:
            self._made[exchange.id] = await asyncio.to_thread(_plain, exchange, self._limit)

    def keep(self, exchange: Exchange, person: Person) -> None:
        """Keeps both bodies for a person to open, where there is one and it is asked for. Errors: JournalError.

        Of long ones that nobody made ready, it keeps the beginning.
        """
        if not self._are_kept(exchange):
            return
        if exchange.id in self._made:
            plain = self._made.pop(exchange.id)
        else:
            plain = _plain(exchange, min(self._limit, LEAST_KEPT) if self.takes_long(exchange) else self._limit)
        if plain is None:
            return
        nonce, now = os.urandom(NONCE_BYTES), datetime.now(UTC)
        self.journal.append_event(body_event(exchange.id, now, person.pseudonym, plain, person.key, nonce))

    def drop(self, exchange: Exchange) -> None:
        """Forgets what was made ready of an exchange and is not kept."""
        self._made.pop(exchange.id, None)

    def _are_kept(self, exchange: Exchange) -> bool:
        return self._all or _is_refused(exchange)


def _plain(exchange: Exchange, limit: int) -> bytes | None:
    """Gives what is sealed: both bodies, at most `limit` bytes of each; None where there is none."""
    parts = parts_of(exchange, limit)
    return None if parts.request is None and parts.reply is None else written(parts)


def _size(exchange: Exchange) -> int:
    reply = exchange.reply
    bodies = (
        exchange.asked.body,
        None if exchange.request is exchange.asked else exchange.request.body,
        reply.body if reply is not None else None,
    )
    return sum(len(body) for body in bodies if body is not None)


def _is_refused(exchange: Exchange) -> bool:
    """Says whether the gateway refused something, and did not only tell of what broke at the upstream."""
    return exchange.refusal is not None and exchange.error is None
