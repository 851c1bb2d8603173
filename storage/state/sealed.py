"""Seals what is one person's alone under their key, bound to what it is for, so that it opens nowhere else."""

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
_PURPOSE = b"lukhas state 1\n"


class SealedError(Exception):
    """What is sealed does not open: it is another's, or for something else, or not what was written."""


def sealed(plain: bytes, key: bytes, what: str, nonce: bytes) -> bytes:
    """Gives `plain` sealed; `what` says what it is and whose row, `nonce` is 12 bytes that this key never saw."""
    return nonce + AESGCM(_derived(key)).encrypt(nonce, plain, what.encode())


def opened(given: bytes, key: bytes, what: str) -> bytes:
    """Gives what was sealed. Errors: SealedError."""
    try:
        return AESGCM(_derived(key)).decrypt(given[:NONCE_BYTES], given[NONCE_BYTES:], what.encode())
    except (InvalidTag, ValueError):
        raise SealedError(f"What is sealed as {what} cannot be opened with this key.") from None


def _derived(key: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE, "sha256")
