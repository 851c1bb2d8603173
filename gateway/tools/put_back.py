"""Puts what was kept for a client back into its next request, where it comes with the results of its own calls."""

from gateway.answers import Change, Nudge, Set
from gateway.decide import changed
from gateway.exchange import Exchange, Request
from gateway.formats import format_of
from gateway.formats.strangers import string
from gateway.tools.kept import Kept, KeptError, in_time

MOST_CALLS = 128
"""So many results of a request are looked up, from the end."""
_MARKS = {"chat.completions": (b"tool_call_id",), "responses": (b"call_output", b"previous_response_id")}


def may_continue(request: Request) -> bool:
    """Whether a request may continue a turn of which something was kept; tells without reading it."""
    body, endpoint = request.body, request.endpoint
    if body is None or endpoint is None:
        return False
    return any(mark in body for mark in _MARKS.get(endpoint.name, ()))


async def put_back(kept: Kept, exchange: Exchange) -> None:
    """Puts calls that ran here, with what they gave, beside those that the client answers."""
    form, request, caller = format_of(exchange.endpoint), exchange.request.json, exchange.caller
    response = string(request, "previous_response_id") if form.name == "responses" else ""
    calls = form.answered_calls(request)[-MOST_CALLS:]
    if caller is None or not (calls or response):
        return
    try:
        found = await in_time(kept.found, caller.principal, calls, response or None)
    except KeptError:
        exchange.degraded.append("results of tools could not be looked up")
        return
    if found.gone:
        exchange.degraded.append("a result of a tool is no longer there")
    changes: list[Change] = [*form.put_back(request, found.turns)]
    if found.response is not None:
        changes.append(Set(("previous_response_id",), found.response))
    if changes:
        exchange.request = changed(exchange.request, Nudge(tuple(changes), because="tools ran here before"))
