"""Requests whose tools nobody here can read: they are let through with a reason, or turned away where rules say so."""

from typing import Any

from gateway import Exchange, Refusal
from plugins.tool_governance.calls import place_of
from plugins.tool_governance.places import MEMBERS, ON_WEBSOCKETS, holder_of
from policies.tiers import matches

UNSEEN = ("batches", "realtime.calls", "evals*", "fine_tuning.*", "chatkit.sessions")
"""Endpoints whose requests carry tools, or name what carries them, in files and shapes that are not read."""


def refusal_of_unseen(exchange: Exchange) -> Refusal | None:
    """Gives the refusal of a request whose tools cannot be read, None where they can be or it has none."""
    received, endpoint = exchange.received, exchange.endpoint
    if received.method != b"POST":
        # What is asked over a websocket that can be read is judged when it is asked.
        is_read = endpoint is not None and endpoint.kind == "websocket" and endpoint.name in ON_WEBSOCKETS
        opens = received.header(b"sec-websocket-key") is not None
        return _refusal("of this websocket") if opens and not is_read else None
    place, body = place_of(exchange), exchange.request.json
    if place is None:
        named = endpoint is not None and matches(UNSEEN, endpoint.name)
        return _refusal("of this endpoint") if named or _carries(body) else None
    holder = holder_of(body, place)
    if holder is None:
        return None
    if place.form == "responses" and holder.get("prompt") is not None:
        return _refusal("of stored prompts", "prompt")
    if place.stays and endpoint is not None and endpoint.name.startswith("threads") and holder.get("tools") is None:
        return _refusal("of stored assistants; name them in the run", "tools")
    return None


def _carries(body: Any) -> bool:
    """Whether the body for a path that nobody knows has members where tools stand."""
    return body.__class__ is dict and any(body.get(name) for name in MEMBERS)


def _refusal(of: str, param: str | None = None) -> Refusal:
    return Refusal(
        f"This gateway lets only listed tools out, and cannot read the tools {of}.", code="tools_unseen", param=param
    )
