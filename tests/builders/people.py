"""Opens the keyring of a data folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from identity.keyring import Keyring


@contextmanager
def keyring_of(data: Path) -> Iterator[Keyring]:
    """A keyring that is open until the end of the `with`."""
    keyring = Keyring(data)
    keyring.open()
    try:
        yield keyring
    finally:
        keyring.close()
