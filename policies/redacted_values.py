"""Takes secrets out of JSON values at any depth: by the names of members, and by the look of texts."""

from collections.abc import Mapping
from typing import Any

from policies.redaction import HIDDEN, redacted

_SECRET_NAMES = frozenset(
    (
        "api_key",
        "apikey",
        "authorization",
        "client_secret",
        "cookie",
        "email",
        "id_token",
        "access_token",
        "password",
        "passwd",
        "phone",
        "pii",
        "proxy_authorization",
        "refresh_token",
        "secret",
        "set_cookie",
        "token",
        "x_api_key",
    )
)


def redacted_values(value: Mapping[str, Any]) -> dict[str, Any]:
    """Gives an object with the members of secret names hidden, and the secrets in its texts."""
    return {
        redacted(name): HIDDEN if _is_secret(name) and member is not None else _redacted(member)
        for name, member in value.items()
    }


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return redacted_values(value)
    if isinstance(value, list):
        return [_redacted(each) for each in value]
    return value


def _is_secret(name: str) -> bool:
    return name.lower().replace("-", "_").replace(" ", "_") in _SECRET_NAMES
