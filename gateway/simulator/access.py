"""Who may ask: everyone with a key, except with one that begins with `sk-bad`."""

from collections.abc import Iterable

from gateway.simulator.errors import ApiError

BAD = "sk-bad"
KEY_PROTOCOL = "openai-insecure-api-key."


def check_key(headers: dict[bytes, bytes], protocols: Iterable[str] = ()) -> None:
    """Raises ApiError 401 unless a key is given in a header or, for browsers, as a websocket subprotocol."""
    key = _header_key(headers.get(b"authorization", b"").decode("latin-1"))
    for protocol in protocols:
        if protocol.startswith(KEY_PROTOCOL):
            key = protocol.removeprefix(KEY_PROTOCOL)
    if not key:
        raise ApiError(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization header using "
            "Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        )
    if key.startswith(BAD):
        raise ApiError(401, f"Incorrect API key provided: {key[:6]}***.", code="invalid_api_key")


def _header_key(value: str) -> str:
    scheme, _, key = value.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
