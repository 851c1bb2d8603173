"""Takes bundles that another runtime logs: checked, redacted, and marked with who sent them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.answers import Refusal
from gateway.office.refusing import Refused
from gateway.writable import written
from policies.redacted_values import redacted_values
from storage.bundles import AUDIT_ID

DEEPEST = 32
# What lists and searches ask for, copied out of the bundle where it has the type of ours.
_OUTLINE: Mapping[str, type] = {"model": str, "model_used": str, "outcome": str, "endpoint": str, "status": int}
LONGEST_WORD = 200


class Logged(msgspec.Struct, frozen=True, tag_field="event", tag="logged", omit_defaults=True):
    """A logged bundle as a line of the journal; `caller` is who sent it, by pseudonym, whoever it is about."""

    audit_id: str
    at: datetime
    started: datetime
    caller: str
    source: Mapping[str, Any]
    model: str | None = None
    model_used: str | None = None
    outcome: str | None = None
    endpoint: str | None = None
    status: int | None = None
    bundle: Mapping[str, Any] = {}


def bundle_in(body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Gives the audit id and the bundle of a request's body. Errors: Refused."""
    try:
        bundle = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _refused("The body is no JSON.") from None
    if not isinstance(bundle, dict) or _depth(bundle) > DEEPEST:
        raise _refused(f"The body must be a JSON object, at most {DEEPEST} levels deep.")
    audit_id = bundle.get("audit_id")
    if not isinstance(audit_id, str) or not AUDIT_ID.fullmatch(audit_id):
        raise _refused(
            "The bundle needs an `audit_id`: 8 to 128 letters, digits, dots, colons, hyphens or underlines.", "audit_id"
        )
    return audit_id, bundle


def logged_line(audit_id: str, bundle: Mapping[str, Any], pseudonym: str, now: datetime) -> bytes:
    """Gives the JSON object that stands in the journal for the bundle that somebody logs; without a line's end."""
    said = redacted_values(bundle)
    members = {name: _short(said.get(name)) for name, kind in _OUTLINE.items() if type(said.get(name)) is kind}
    source = {"kind": "external", "principal": pseudonym}
    return written(Logged(audit_id, now, _started(said, now), pseudonym, source, **members, bundle=said))


def _started(bundle: Mapping[str, Any], now: datetime) -> datetime:
    """Gives when the exchange began, by its own word, but never later than it was logged."""
    try:
        started = msgspec.convert(bundle.get("started"), datetime)
    except msgspec.ValidationError:
        return now
    return min(now, started if started.tzinfo else started.replace(tzinfo=UTC))


def _short(value: Any) -> Any:
    return value[:LONGEST_WORD] if isinstance(value, str) else value


def _depth(value: Any) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        each, depth = waiting.pop()
        children = list(each.values()) if isinstance(each, dict) else each if isinstance(each, list) else ()
        deepest = max(deepest, depth if children else 0)
        waiting += [(child, depth + 1) for child in children]
    return deepest


def _refused(message: str, param: str | None = None) -> Refused:
    return Refused(Refusal(message, code="invalid_bundle", status=400, param=param))
