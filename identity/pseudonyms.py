"""Gives secrets stable names that tell nothing about them, under a key that stays in the data folder."""

import hmac
import os
import secrets
from pathlib import Path

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
    """Gives the names of a data folder; the first process of the folder makes its key. Errors: OSError."""
    path = data / "keys" / "pseudonym.key"
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}.new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(secrets.token_bytes(KEY_BYTES))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise PseudonymKeyError(f"{path} is damaged: it has {len(key)} bytes in place of {KEY_BYTES}. Restore it.")
    return Pseudonyms(key)
