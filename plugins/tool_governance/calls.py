"""Says whether a call of the model may come back: only of what went out, and of what is allowed by now."""

from collections.abc import Iterable, Iterator
from typing import Any

from gateway import Exchange, Refusal, ToolCall, refusal_of_hosted
from plugins.tool_governance.declared import LONGEST_SHOWN, NAMED, Declared, declared
from plugins.tool_governance.places import ON_WEBSOCKETS, PLACES, Place, ToolList, tool_lists
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
    shown = redacted_name((_qualified(call) or call.kind)[:LONGEST_SHOWN])
    unseen = _has_unseen_tools(exchange)
    stored = _stored(exchange) if unseen else None
    offered = [reason for tool, spaces, reason in _offered(terms, stored or ()) if _is_call_of(tool, spaces, call)]
    # A whole reply that says nothing of its tools is left to the list; a stream has to say them before a call.
    if not offered and (not unseen or stored is not None or exchange.reply is None):
        return Refusal(f"The model called {shown}, which it was not offered.", code=NOT_OFFERED)
    alias = exchange.hosted.get(call.name) if _may_be_hosted(call) else None
    because: str | None
    if alias is not None:
        because = terms.against_alias(alias)
    elif unseen and (stored is not None or not offered) and _ran_here(terms, call, stored):
        return refusal_of_hosted(shown)
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
    return (ON_WEBSOCKETS if endpoint.kind == "websocket" else PLACES).get(endpoint.name)


def _has_unseen_tools(exchange: Exchange) -> bool:
    """Whether the reply may hold calls of tools that stand in no request of this exchange.

    A reply that was stored is read again without them, and a stored prompt or assistant has its own.
    """
    place, body = place_of(exchange), exchange.request.json
    if place is None or body.__class__ is not dict:
        return True
    if place.stays and place.form == "chat":
        return body.get("tools") is None
    if not (place.hosts or place.tells):
        return True
    return body.get("prompt") is not None and place.form == "responses"


def _stored(exchange: Exchange) -> list[Any] | None:
    """Gives the tools that a reply says it was made with, None where it says nothing of them, or nothing yet."""
    if exchange.reply is None or exchange.made_with is not None:
        return exchange.made_with
    reply = exchange.reply.json
    tools = reply.get("tools") if reply.__class__ is dict else None
    return tools if tools.__class__ is list else None


def _ran_here(terms: Terms, call: ToolCall, stored: Iterable[Any] | None) -> bool:
    """Whether a stored reply says that the call was of a hosted tool: described as it is, not only so named.

    Where nothing says what tools there were, the name alone says it.
    """
    tool = terms.offering.tools.by_name.get(call.name) if _may_be_hosted(call) else None
    if tool is None or stored is None:
        return tool is not None
    described = ((each, each.get("function")) for each in stored if each.__class__ is dict)
    holders = (holder for pair in described for holder in pair if holder.__class__ is dict)
    return any(each.get("name") == tool.name and each.get("description") == tool.description for each in holders)


def _offered(terms: Terms, stored: Iterable[Any]) -> Iterator[tuple[Declared, tuple[str, ...], str | None]]:
    """Gives every tool that the request offers, and what was `stored`, with what by now is to be said against it.

    Between them stand the names of the namespace that the tool is in, none where it is in none.
    """
    place = place_of(terms.exchange)
    lists = [] if place is None else list(tool_lists(terms.exchange.request.json, place))
    for each in (*lists, ToolList((), list(stored))):
        for written in each.tools:
            tool = declared(written, legacy=each.legacy)
            reason = terms.against(tool)
            yield tool, (), reason
            for one in map(declared, tool.inner):
                yield one, tool.names or ("",), None if reason is None else terms.against(inside(one, tool))


def _is_call_of(tool: Declared, spaces: tuple[str, ...], call: ToolCall) -> bool:
    if call.kind in NAMED:
        if tool.kind not in NAMED or call.name not in tool.names:
            return False
        if spaces:
            return bool(call.namespace) and call.namespace in spaces
        # What the upstream loads by itself is called in a namespace of its own name.
        return not call.namespace or (tool.deferred and call.namespace == call.name)
    if spaces:
        return False
    kind = _type_of(call)
    if kind != "mcp":
        return tool.kind == kind or tool.kind.startswith(f"{kind}_")
    # A call that does not say of which server it is may be of any.
    return tool.kind == "mcp" and call.server in tool.names and (tool.only is None or call.name in tool.only)


def _type_of(call: ToolCall) -> str:
    return _TYPES.get(call.kind) or call.kind.removesuffix("_call")


def _declared_by(call: ToolCall) -> Declared:
    """Gives the tool that a call must be of, where no request says it."""
    if call.kind in NAMED:
        return Declared(call.kind, (_qualified(call),))
    kind = _type_of(call)
    return Declared(kind, ((call.server,) if call.server else ()) if kind == "mcp" else (kind,))


def _qualified(call: ToolCall) -> str:
    """Gives the name by which rules know what is called."""
    return f"{call.namespace}.{call.name}" if call.namespace and call.kind in NAMED else call.name


def _may_be_hosted(call: ToolCall) -> bool:
    """Whether a call may be of a hosted tool, which stands in no namespace."""
    return call.kind == "function" and not call.namespace
