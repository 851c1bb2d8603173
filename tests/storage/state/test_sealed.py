"""What is sealed opens with its key and for its purpose alone."""

import pytest

from storage.state.sealed import SealedError, opened, sealed

KEY, OTHER = bytes(32), bytes(31) + b"\x01"
NONCE = bytes(12)


def test_what_is_sealed_opens_again() -> None:
    given = sealed(b"a note", KEY, "task t-1", NONCE)
    assert b"a note" not in given
    assert opened(given, KEY, "task t-1") == b"a note"


@pytest.mark.parametrize(("key", "what"), [(OTHER, "task t-1"), (KEY, "task t-2")], ids=["other key", "other use"])
def test_it_opens_for_nobody_and_nothing_else(key: bytes, what: str) -> None:
    with pytest.raises(SealedError, match=what):
        opened(sealed(b"a note", KEY, "task t-1", NONCE), key, what)


@pytest.mark.parametrize("given", [b"", b"short", bytes(40)])
def test_what_was_never_sealed_does_not_open(given: bytes) -> None:
    with pytest.raises(SealedError):
        opened(given, KEY, "task t-1")
