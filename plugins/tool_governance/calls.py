"""Says whether a call of the model may come back: only of what went out, and of what is allowed by now."""

from collections.abc import Iterator

from gateway import Exchange, Refusal, ToolCall
from plugins.tool_governance.declared import LONGEST_SHOWN, NAMED, Declared, declared
from plugins.tool_governance.places import PLACES, Place, tool_lists
from plugins.tool_governance.terms import Terms, inside
from policies.redaction import redacted_name

NOT_OFFERED = "tool_not_offered"
NOT_ALLOWED = "tool_not_allowed"
_TYPES = {
    "mcp_call": "mcp",
    "mcp_approval_request": "mcp",
    "program": "programmatic_tool_calling",
}
"""The tool types of those items whose names do not say them."""


def refusal_of_call(terms: Terms, call: ToolCall) -> Refusal | None:
    """Gives the refusal of a call, None where it may be delivered or run."""
    exchange = terms.exchange
    shown = redacted_name((call.name or call.kind)[:LONGEST_SHOWN])
    offered = [reason for tool, reason in _offered(terms) if _is_call_of(tool, call)]
    if not offered and not _has_unseen_tools(exchange):
        return Refusal(f"The model called {shown}, which it was not offered.", code=NOT_OFFERED)
    alias = exchange.hosted.get(call.name) if call.kind == "function" else None
    if alias is not None:
        because = terms.against_alias(alias)
    elif offered:
        because = next((reason for reason in offered if reason is not None), None)
    else:
        because = terms.against(_declared_by(call))
    return None if because is None else Refusal(f"The model called {shown}: {because}.", code=NOT_ALLOWED)


def place_of(exchange: Exchange) -> Place | None:
    """Gives how the tools of a request are carried, None where it carries none that are read."""
    endpoint = exchange.endpoint
    if endpoint is None or exchange.received.method != b"POST":
        return None
    return PLACES.get(endpoint.name)


def _has_unseen_tools(exchange: Exchange) -> bool:
    """Whether the reply may hold calls of tools that stand in no request of this exchange.

    A reply that was stored is read again without them, and a stored prompt has its own.
    """
    place, body = place_of(exchange), exchange.request.json
    if place is None or not place.hosts or body.__class__ is not dict:
        return True
    return body.get("prompt") is not None and place.form == "responses"


def _offered(terms: Terms) -> Iterator[tuple[Declared, str | None]]:
    """Gives every tool that the request offers, with what by now is to be said against it."""
    place = place_of(terms.exchange)
    if place is None:
        return
    for each in tool_lists(terms.exchange.request.json, place):
        for written in each.tools:
            tool = declared(written, legacy=each.legacy)
            reason = terms.against(tool)
            yield tool, reason
            for one in map(declared, tool.inner):
                yield one, None if reason is None else terms.against(inside(one, tool))


def _is_call_of(tool: Declared, call: ToolCall) -> bool:
    if call.kind in NAMED:
        return tool.kind in NAMED and call.name in tool.names
    kind = _type_of(call)
    if kind != "mcp":
        return tool.kind == kind or tool.kind.startswith(f"{kind}_")
    at_home = not call.server or call.server in tool.names
    return tool.kind == "mcp" and at_home and (tool.only is None or call.name in tool.only)


def _type_of(call: ToolCall) -> str:
    return _TYPES.get(call.kind) or call.kind.removesuffix("_call")


def _declared_by(call: ToolCall) -> Declared:
    """Gives the tool that a call must be of, where no request says it."""
    if call.kind in NAMED:
        return Declared(call.kind, (call.name,))
    kind = _type_of(call)
    return Declared(kind, ((call.server,) if call.server else ()) if kind == "mcp" else (kind,))
