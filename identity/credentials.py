"""Reads the credential that a request carries; whose it is, is decided elsewhere."""

GATEWAY_PREFIX = b"lk-"


def bearer(authorization: bytes | None) -> bytes | None:
    """Gives the token of an Authorization header, None where it has none."""
    if authorization is None or authorization[:7].lower() != b"bearer ":
        return None
    return authorization[7:].strip() or None


def is_gateway_key(token: bytes) -> bool:
    """Whether a token is one that only this gateway can have issued; such a one is never forwarded."""
    return token.startswith(GATEWAY_PREFIX)
