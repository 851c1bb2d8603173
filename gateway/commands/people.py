"""Opens the keyring of a data folder for a command."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.commands.failing import Failed
from identity.keyring import Keyring
from storage.people import KeyringError


@contextmanager
def keyring_of(data: Path) -> Iterator[Keyring]:
    """Gives the keyring until the end of the `with`. Errors: Failed."""
    keyring = Keyring(data)
    try:
        keyring.open()
        yield keyring
    except KeyringError as error:
        raise Failed(str(error)) from None
    finally:
        keyring.close()
