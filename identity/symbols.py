"""A person's own symbols, and how they are sealed: under that person's key alone, so that they go when the key goes."""

from typing import Annotated

import msgspec

from identity.keyring import Person
from policies.intents import Intent
from storage.state.sealed import SealedError, opened, sealed

_Part = Annotated[float, msgspec.Meta(ge=-1, le=1)]


class Symbol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody writes, and what they mean by it; `vector` is for those who match gestures themselves."""

    symbol: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    intent: Intent
    vector: Annotated[list[_Part], msgspec.Meta(max_length=16)] | None = None


class SymbolsSent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All symbols of the caller; with `consent` models may be told what those mean that a prompt uses."""

    consent: bool
    symbols: Annotated[list[Symbol], msgspec.Meta(max_length=64)]


def sealed_symbols(sent: SymbolsSent, person: Person, nonce: bytes) -> bytes:
    """Gives the symbols as they are kept; `nonce` is 12 bytes that this person's key never saw."""
    return sealed(msgspec.json.encode(sent), person.key, _what(person), nonce)


def opened_symbols(kept: bytes, person: Person) -> SymbolsSent:
    """Gives what was sealed. Errors: SealedError, which repeats nothing of what was sealed."""
    plain = opened(kept, person.key, _what(person))
    try:
        return msgspec.json.decode(plain, type=SymbolsSent)
    except msgspec.DecodeError:
        raise SealedError(f"What is sealed as {_what(person)} is not what this version seals.") from None


def _what(person: Person) -> str:
    return f"symbols {person.pseudonym}"
