"""Erases a person: first the tombstone in the journal, then key and mapping, then what else names them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from identity.accepted_keys import erased_in
from identity.keyring import Keyring
from policies.personal_data import without_personal_data
from policies.redaction import redacted
from storage.tombstones import Tombstone, tombstone_event

LONGEST_REASON = 200


class Append(Protocol):
    """Puts an event into the office's journal."""

    def __call__(self, event: bytes, *, to_disk: bool = False) -> None:
        """Appends it; with `to_disk` it is there when this returns. Errors: JournalError."""


class Erased(msgspec.Struct, frozen=True):
    """What was done. `known` is false where nobody of that name was on record; nothing is said of who it was.

    `exchanges` are the records that say `erased` from now on, None where they could not be counted. `accepted_keys`
    were struck out of running gateways. `overwritten` is false as long as another program keeps the old pages of the
    keyring from being written over; the gateway tries again.
    """

    known: bool
    at: datetime
    exchanges: int | None = None
    accepted_keys: int = 0
    overwritten: bool = True


class Erasure:
    """Erases in one data folder.

    `append` writes the tombstone; `exchanges_of` counts the records of a principal, `take_out` takes a person out of
    the state by their pseudonym (errors: OSError), and `forget` makes whoever answers for the records forget all names
    at once.
    """

    def __init__(
        self,
        data: Path,
        keyring: Keyring,
        append: Append,
        *,
        exchanges_of: Callable[[str], int | None] = lambda _: None,
        take_out: Callable[[str], None] = lambda _: None,
        forget: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._data = data
        self._keyring = keyring
        self._append = append
        self._exchanges_of = exchanges_of
        self._take_out = take_out
        self._forget = forget
        self._now = now

    def __call__(self, principal: str, by: str | None, because: str = "") -> Erased:
        """Erases a principal, or whoever has that pseudonym.

        `by` says in the tombstone who asked for it, None that they did themselves.
        Errors: JournalError, before anything was erased; KeyringError, OSError: what is left to do is done at the
        next start.
        """
        at = self._now()
        principal = self._keyring.principal_of(principal) or principal
        pseudonym = self._keyring.pseudonym_of(principal)
        if pseudonym is None:
            return Erased(False, at, accepted_keys=self._strike_out(principal))
        exchanges = self._exchanges_of(principal)
        reason = redacted(without_personal_data(because.replace(principal, pseudonym)))[:LONGEST_REASON]
        self._append(tombstone_event(Tombstone(at, pseudonym, by or pseudonym, reason)), to_disk=True)
        self._keyring.erase(principal, at)
        overwritten = self._keyring.scrub()
        accepted_keys = self._strike_out(principal)
        self._take_out(pseudonym)
        self._forget()
        return Erased(True, at, exchanges, accepted_keys, overwritten)

    def _strike_out(self, principal: str) -> int:
        return sum(erased_in(path, principal) for path in (self._data / "run").glob("**/accepted"))
