"""Gives secrets stable names that tell nothing about them, under a key that stays in the data folder."""

import hmac
import secrets
from pathlib import Path

from storage.made_once import make_once

PEOPLE = "people.db"
KEY_BYTES = 32
NAME_BYTES = 10


class PseudonymKeyError(OSError):
    """The key of a data folder cannot be used; another one would give every caller another name."""


class Pseudonyms:
    """Names secrets: the same secret has the same name in every process of one data folder."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, secret: bytes) -> str:
        """Gives the name of a secret: 20 hexadecimal digits of its HMAC-SHA-256."""
        return hmac.digest(self._key, secret, "sha256")[:NAME_BYTES].hex()


def pseudonyms_in(data: Path) -> Pseudonyms:
    """Gives the names of a data folder; the first process of the folder makes its key. Errors: OSError.

    One that is gone is not made anew: callers would have other names, and records of theirs be nobody's.
    """
    path = data / "keys" / "pseudonym.key"
    # Asked first: whoever makes the people's file has made the key before.
    was_there = path.with_name(PEOPLE).exists()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    if not path.exists():
        if was_there:
            raise PseudonymKeyError(
                f"{path} is gone, and another one would give every caller another name. Restore it. To begin anew "
                f"all the same, move {path.with_name(PEOPLE)} and the journal away as well."
            )
        make_once(path, secrets.token_bytes(KEY_BYTES), 0o600)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise PseudonymKeyError(f"{path} is damaged: it has {len(key)} bytes in place of {KEY_BYTES}. Restore it.")
    return Pseudonyms(key)
