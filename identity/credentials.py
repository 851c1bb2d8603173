"""Reads the credential that a request carries; whose it is, is decided elsewhere."""

from collections.abc import Iterable

GATEWAY_PREFIX = b"lk-"


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """Gives the token of the Authorization header, None where there is none or more than one."""
    found: bytes | None = None
    for name, value in headers:
        if len(name) == 13 and name.lower() == b"authorization":
            if found is not None:
                return None
            found = value
    if found is None or found[:7].lower() != b"bearer ":
        return None
    return found[7:].strip() or None


def api_key(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """Gives the token of the x-api-key header, which our own routes take beside Bearer."""
    values = [value.strip() for name, value in headers if len(name) == 9 and name.lower() == b"x-api-key"]
    return values[0] or None if len(values) == 1 else None


def is_gateway_key(token: bytes) -> bool:
    """Whether a token is one that only this gateway can have issued; such a one is never forwarded."""
    return token.startswith(GATEWAY_PREFIX)
