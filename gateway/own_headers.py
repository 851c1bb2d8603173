"""The headers that each answer of an exchange has from the gateway itself."""

from typing import Any

from gateway.changed_parameters import ChangedParameter, changed_parameters
from gateway.exchange import Exchange, Headers

EXPLAIN = b"x-lukhas-explain"
MOST_BYTES = 2048
NO_CHANGES = "none"
_AUDIT_ID = b"x-lukhas-audit-id"
_SAFETY_MODES = {mode: (b"x-lukhas-safety-mode", mode.encode("ascii")) for mode in ("strict", "balanced", "creative")}
_SPARE = 24
"""Bytes for saying how many changes there was no room for."""


def own_headers(exchange: Exchange) -> Headers:
    """Gives id and safety mode, and what was changed where the client asks for it with `x-lukhas-explain: 1`."""
    headers = ((_AUDIT_ID, exchange.id.encode()), _SAFETY_MODES[exchange.safety_mode])
    if exchange.received.header(EXPLAIN) != b"1":
        return headers
    return *headers, (b"x-lukhas-changes", changes_told(changed_parameters(exchange) or []))


def changes_told(changes: list[ChangedParameter]) -> bytes:
    """Gives the changes in a line of ASCII: `temperature 0.9->0.31 (alignment_risk); top_p ->0.5 (stress, shadow)`."""
    told: list[str] = []
    room = MOST_BYTES - _SPARE
    for number, change in enumerate(changes):
        said = _told(change)
        room -= len(said) + 2
        if room < 0:
            told.append(f"{len(changes) - number} more")
            break
        told.append(said)
    return ("; ".join(told) or NO_CHANGES).encode("ascii")


def _told(change: ChangedParameter) -> str:
    if change.kind == "insert":
        movement = "one added"
    elif change.kind == "remove":
        movement = "removed"
    elif _is_size(change.after) or _is_size(change.before):
        movement = "changed"
    else:
        movement = f"{_value(change.before)}->{_value(change.after)}"
    notes = [change.signal or change.plugin or change.hook, *(() if change.applied else ("shadow",))]
    return _plain(f"{change.parameter} {movement} ({', '.join(notes)})")


def _is_size(value: Any) -> bool:
    """Whether a record tells of a member by its size alone; an arrow between two sizes tells nobody anything."""
    return isinstance(value, str) and value.startswith("[")


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple | list):
        return "+".join(map(_value, value)) or "nothing"
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool | int | float) else "..."


def _plain(text: str) -> str:
    """Gives a text without what no header may hold: plugins choose names, and clients those of members."""
    return "".join(each if " " <= each <= "~" else "?" for each in text)
