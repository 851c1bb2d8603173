"""The headers that keep a browser from doing more with an answer of the office than showing it."""

from collections.abc import Iterable

from litestar.types import Message, Scope

_SAFE = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


async def with_safe_headers(message: Message, scope: Scope) -> None:
    """Adds to each answer those that it has not set itself; Litestar calls this before it sends."""
    if message["type"] == "http.response.start":
        there: Iterable[tuple[bytes, bytes]] = message["headers"]
        names = {name.lower() for name, _ in there}
        message["headers"] = [*there, *(pair for pair in _SAFE if pair[0] not in names)]
