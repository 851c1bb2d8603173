"""The key that signs the roots of the journal: Ed25519, one for each data folder."""

import secrets
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from storage.made_once import make_once
from storage.seal import decoded, encoded

PRIVATE = "journal.ed25519"
PUBLIC = "journal.pub"
_KEY_BYTES = 32


class SigningKeyError(OSError):
    """The key of a data folder cannot be used."""


class Signer:
    """Signs for one data folder."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def __call__(self, message: bytes) -> bytes:
        """Gives the signature of a message, 64 bytes."""
        return self._key.sign(message)


class Verifier(NamedTuple):
    """Checks signatures against one public key of 32 bytes."""

    public: bytes

    def __call__(self, message: bytes, signature: bytes) -> bool:
        """Says whether this key signed the message so."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


def signer_in(data: Path) -> Signer:
    """Gives the key of a data folder; the first process of the folder makes it. Errors: OSError."""
    path = data / "keys" / PRIVATE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        make_once(path, secrets.token_bytes(_KEY_BYTES), 0o600)
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise SigningKeyError(f"{path} is damaged: it has {len(key)} bytes in place of {_KEY_BYTES}. Restore it.")
    signer = Signer(Ed25519PrivateKey.from_private_bytes(key))
    public = path.with_name(PUBLIC)
    if not public.exists():
        make_once(public, encoded(signer.public) + b"\n", 0o644)
    if verifier_in(data) != Verifier(signer.public):
        raise SigningKeyError(f"{public} is not the public part of {path}. Restore the one that was changed.")
    return signer


def verifier_in(data: Path) -> Verifier | None:
    """Gives the public key that a data folder names, None where it names none. Errors: OSError."""
    path = data / "keys" / PUBLIC
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    verifier = verifier_of(text)
    if verifier is None:
        raise SigningKeyError(f"{path} is damaged: it is no base64url of {_KEY_BYTES} bytes. Restore it.")
    return verifier


def verifier_of(text: bytes) -> Verifier | None:
    """Reads a public key, base64url of 32 bytes; None where it is none."""
    key = decoded(text.strip())
    return Verifier(key) if key is not None and len(key) == _KEY_BYTES else None
