"""Personal symbols: an emoji or gesture that stands for an intent, sealed under the person's own key."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from secrets import token_bytes

import msgspec

from identity.caller import Caller
from identity.keyring import Keyring, Person
from identity.symbols import Symbol, SymbolsSent, opened_symbols, sealed_symbols
from policies.intents import INTENTS
from storage.state.records import Symbols
from storage.state.sealed import NONCE_BYTES
from storage.state.state import State

FEWEST_PEOPLE = 10
"""Of fewer people nothing is said."""


class SymbolsShown(msgspec.Struct, frozen=True):
    """The caller's symbols, and how many people have one for each intent: null where they are too few to be told."""

    consent: bool
    symbols: list[Symbol]
    people: Mapping[str, int | None]


class PersonalSymbols:
    """Safe to ask from any thread. `nonce` gives 12 bytes that were never given before."""

    def __init__(
        self,
        state: State,
        keyring: Keyring,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        nonce: Callable[[], bytes] = lambda: token_bytes(NONCE_BYTES),
    ) -> None:
        self._state = state
        self._keyring = keyring
        self._now = now
        self._nonce = nonce

    def of(self, caller: Caller) -> SymbolsShown:
        """Gives the symbols of a caller. Errors: KeyringError, StateError, SealedError."""
        kept = self._kept(self._keyring.person(caller.principal))
        return SymbolsShown(kept.consent, kept.symbols, self._people())

    def put(self, caller: Caller, sent: SymbolsSent) -> SymbolsShown:
        """Keeps the symbols of a caller in the place of those before. Errors: KeyringError, StateError, SealedError."""
        person = self._keyring.person(caller.principal)
        before, after = _intents(self._kept(person)), _intents(sent)
        kept = sealed_symbols(sent, person, self._nonce())
        self._state.symbols.put(Symbols(person.pseudonym, kept, sent.consent, self._now()))
        self._state.symbols.count(sorted(after - before), sorted(before - after))
        return SymbolsShown(sent.consent, sent.symbols, self._people())

    def remove(self, caller: Caller) -> bool:
        """Takes the symbols of a caller away; says whether there were any.

        Errors: KeyringError, StateError, SealedError.
        """
        person = self._keyring.person(caller.principal)
        before = _intents(self._kept(person))
        gone = self._state.symbols.remove(person.pseudonym)
        self._state.symbols.count([], sorted(before))
        return gone

    def _kept(self, person: Person) -> SymbolsSent:
        row = self._state.symbols.of(person.pseudonym)
        if row is None:
            return SymbolsSent(False, [])
        return opened_symbols(row.sealed, person)

    def _people(self) -> Mapping[str, int | None]:
        counts = self._state.symbols.counts()
        return {intent: _enough(counts.get(intent, 0)) for intent in INTENTS}


def doubled(symbols: list[Symbol]) -> str | None:
    """Gives a symbol that stands for two intents, None where there is none."""
    seen: set[str] = set()
    for each in symbols:
        if each.symbol in seen:
            return each.symbol
        seen.add(each.symbol)
    return None


def _intents(sent: SymbolsSent) -> set[str]:
    return {each.intent for each in sent.symbols}


def _enough(people: int) -> int | None:
    return people if people >= FEWEST_PEOPLE else None
