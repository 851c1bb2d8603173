"""Takes secrets and personal data out of JSON at any depth: by the names of members, and by the look of texts."""

from collections.abc import Mapping
from typing import Any

from policies.personal_data import without_personal_data
from policies.redaction import HIDDEN, redacted

_SECRET_NAMES = frozenset(
    (
        "api_key",
        "apikey",
        "authorization",
        "client_secret",
        "cookie",
        "credential",
        "credentials",
        "credit_card",
        "email",
        "e_mail",
        "id_token",
        "access_token",
        "iban",
        "national_id",
        "passphrase",
        "password",
        "phone_number",
        "private_key",
        "passwd",
        "phone",
        "pii",
        "proxy_authorization",
        "refresh_token",
        "secret",
        "session_token",
        "ssn",
        "set_cookie",
        "token",
        "x_api_key",
    )
)


def redacted_values(value: Mapping[str, Any]) -> dict[str, Any]:
    """Gives an object with the members of secret names hidden, and the secrets and personal data in its texts."""
    return {
        redacted(without_personal_data(name)): HIDDEN if _is_secret(name) and member is not None else _redacted(member)
        for name, member in value.items()
    }


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(without_personal_data(value))
    if isinstance(value, Mapping):
        return redacted_values(value)
    if isinstance(value, list):
        return [_redacted(each) for each in value]
    return value


def _is_secret(name: str) -> bool:
    return name.lower().replace("-", "_").replace(" ", "_") in _SECRET_NAMES
