"""Puts what was kept for a client back into its next request, where it comes with the results of its own calls."""

from collections.abc import Sequence
from typing import Any

from gateway.answers import Change, Insert, Nudge, Path, Set
from gateway.decide import changed
from gateway.exchange import Exchange, Request
from gateway.formats import format_of
from gateway.formats.strangers import string
from gateway.tools.kept import Kept, KeptError

MOST_CALLS = 128
"""So many results of a request are looked up, from the end."""
MOST_CHANGES = 16
"""Above it a member is written anew: each single change reads the whole body."""
_MARKS = {"chat.completions": (b"tool_call_id",), "responses": (b"call_output", b"previous_response_id")}


def may_continue(request: Request) -> bool:
    """Whether a request may continue a turn of which something was kept; tells without reading it."""
    body, endpoint = request.body, request.endpoint
    if body is None or endpoint is None:
        return False
    for mark in _MARKS.get(endpoint.name, ()):  # noqa: SIM110 - every request passes, and `any` makes a generator
        if mark in body:
            return True
    return False


async def put_back(kept: Kept, exchange: Exchange) -> None:
    """Puts calls that ran here, with what they gave, beside those that the client answers."""
    form, request, caller = format_of(exchange.endpoint), exchange.request.json, exchange.caller
    response = string(request, "previous_response_id") if form.name == "responses" else ""
    calls = form.answered_calls(request)[-MOST_CALLS:]
    if caller is None or not (calls or response):
        return
    try:
        found = await kept.in_time(kept.found, caller.principal, calls, response or None)
    except KeptError:
        exchange.degraded.append("results of tools could not be looked up")
        return
    if found.gone:
        exchange.degraded.append("a result of a tool is no longer there")
    changes = [*put_at_once(request, form.put_back(request, found.turns))]
    if found.response is not None:
        changes.append(Set(("previous_response_id",), found.response))
    if changes:
        exchange.request = changed(exchange.request, Nudge(tuple(changes), because="tools ran here before"))


def put_at_once(request: Any, changes: Sequence[Change]) -> Sequence[Change]:
    """Gives changes of a request that come to the same, where there are many: one for each member that they change."""
    inserts = [change for change in changes if isinstance(change, Insert)]
    if len(changes) <= MOST_CHANGES or len(inserts) < len(changes):
        return changes
    made = request
    for insert in inserts:
        made = _inserted(made, insert.path, insert)
    return [Set((name,), made[name]) for name in dict.fromkeys(insert.path[0] for insert in inserts)]


def _inserted(value: Any, path: Path, insert: Insert) -> Any:
    """Gives a value with something put in below it; what it was stays as it is."""
    if not path:
        return [*value[: insert.at], insert.value, *value[insert.at :]]
    copy = value.copy()
    copy[path[0]] = _inserted(value[path[0]], path[1:], insert)
    return copy
