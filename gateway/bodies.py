"""Keeps the bodies of exchanges where the settings ask for it: in a journal of their own, for one person to open."""

import os
from datetime import UTC, datetime
from typing import Literal

from gateway.body_parts import parts_of
from gateway.exchange import Exchange
from gateway.writable import written
from identity.keyring import Person
from storage.bodies import NONCE_BYTES, body_event
from storage.journal import Journal


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

    def keep(self, exchange: Exchange, person: Person) -> None:
        """Keeps both bodies for a person to open, where there is one and it is asked for. Errors: JournalError."""
        if not (self._all or _is_refused(exchange)):
            return
        parts = parts_of(exchange, self._limit)
        if parts.request is None and parts.reply is None:
            return
        plain, nonce, now = written(parts), os.urandom(NONCE_BYTES), datetime.now(UTC)
        self.journal.append_event(body_event(exchange.id, now, person.pseudonym, plain, person.key, nonce))


def _is_refused(exchange: Exchange) -> bool:
    """Says whether the gateway refused something, and did not only tell of what broke at the upstream."""
    return exchange.refusal is not None and exchange.error is None
