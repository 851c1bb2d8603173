"""Lists of exchanges: the filters as a query says them, and a page of short entries with where the next begins."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.answers import Refusal
from gateway.office.audit.markup import clipped
from gateway.office.audit.sight import READ
from gateway.office.refusing import Refused
from identity.caller import Caller
from storage.bundles import Outliner, Position, Search

MOST = 200
USUAL = 50
LONGEST_NAME = 64
# What an entry leaves out: it stands in the record itself.
_LONG = frozenset(("attempts", "trail", "signals", "changes", "tools", "moderation", "bundle", "seal"))


# As the handler of `GET /audit` takes them.
_NAMES = ("since", "until", "caller", "model", "outcome", "endpoint", "limit", "cursor")


class Listed(msgspec.Struct, frozen=True):
    """A page: the entries, and the cursor of the next page, None after the last."""

    exchanges: list[Mapping[str, Any]]
    next: str | None


def check_names(given: Iterable[str], known: Sequence[str] = _NAMES) -> None:
    """Turns away a query with a parameter that lists do not have: a filter that is misspelt must not list all.

    Errors: Refused.
    """
    for name in given:
        if name not in known:
            says = f"Unknown parameter: '{clipped(name, LONGEST_NAME)}'. There are {', '.join(known)}."
            raise Refused(Refusal(says, code="unknown_parameter", status=400, param=clipped(name, LONGEST_NAME)))


def search_of(caller: Caller, search: Search, cursor: str | None) -> Search:
    """Gives what a caller may search for: their own, unless they may see all. Errors: Refused."""
    asked = msgspec.structs.replace(
        search,
        since=_utc(search.since),
        until=_utc(search.until),
        below=position_of(cursor) if cursor is not None else None,
    )
    if caller.may(READ):
        return asked
    if asked.caller not in (None, caller.principal):
        raise Refused(Refusal(f"Seeing the exchanges of others needs the permission {READ}.", code="not_allowed"))
    return msgspec.structs.replace(asked, caller=caller.principal)


def listed(lines: Sequence[bytes], limit: int) -> Listed:
    """Gives the page of the first `limit` lines; one more of them means that there is a next page."""
    shown = lines[:limit]
    entries = [_entry(line) for line in shown]
    last = Outliner()(shown[-1]) if len(lines) > limit and shown else None
    return Listed(entries, cursor_of(last.position) if last is not None else None)


def cursor_of(position: Position) -> str:
    """Gives a position as a cursor."""
    return f"{position[0].isoformat()}~{position[1]}"


def position_of(cursor: str) -> Position:
    """Gives the position of a cursor. Errors: Refused."""
    when, _, audit_id = cursor.partition("~")
    try:
        at = datetime.fromisoformat(when)
    except ValueError:
        at = None
    if at is None or not audit_id:
        raise Refused(Refusal("`cursor` is none of a list's.", code="invalid_request", status=400, param="cursor"))
    return (at if at.tzinfo else at.replace(tzinfo=UTC), audit_id)


def _entry(line: bytes) -> Mapping[str, Any]:
    values = msgspec.json.decode(line)
    return {name: value for name, value in values.items() if name not in _LONG}


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
