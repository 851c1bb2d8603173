"""A person's own symbols: opened with their key alone, and nothing of them in an error."""

import pytest

from identity.keyring import Person
from identity.symbols import Symbol, SymbolsSent, opened_symbols, sealed_symbols
from storage.state.sealed import SealedError, sealed

ADA, BOB = Person("p-ada", b"a" * 32), Person("p-bob", b"b" * 32)
NONCE = bytes(12)
SENT = SymbolsSent(True, [Symbol("🙏", "soften", [0.5])])


def test_what_is_sealed_opens_again() -> None:
    kept = sealed_symbols(SENT, ADA, NONCE)
    assert "🙏".encode() not in kept
    assert opened_symbols(kept, ADA) == SENT


@pytest.mark.parametrize(
    "other", [BOB, Person("p-bob", ADA.key), Person("p-ada", BOB.key)], ids=["both", "name", "key"]
)
def test_it_opens_for_nobody_else(other: Person) -> None:
    with pytest.raises(SealedError):
        opened_symbols(sealed_symbols(SENT, ADA, NONCE), other)


def test_an_error_repeats_nothing_of_what_was_sealed() -> None:
    plain = b'{"consent":true,"symbols":[{"symbol":"x","intent":"my secret"}]}'
    with pytest.raises(SealedError) as raised:
        opened_symbols(sealed(plain, ADA.key, "symbols p-ada", NONCE), ADA)
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None
