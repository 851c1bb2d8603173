"""The plugin: turns away requests whose tools cannot be governed, shapes the rest, and checks each call."""

from collections.abc import Iterator
from typing import Any

from gateway import Exchange, Nudge, Offering, Refusal, Startup, ToolCall, asked_in, hookimpl
from plugins.tool_governance.calls import place_of, refusal_of_call
from plugins.tool_governance.declared import LONGEST_SHOWN, declared, may_ask
from plugins.tool_governance.offer import WEB_SEARCH, Offer
from plugins.tool_governance.places import Place, declares_too_many, holder_of, is_misshapen, tool_lists
from plugins.tool_governance.terms import terms_of
from plugins.tool_governance.unseen import refusal_of_unseen
from policies.redaction import redacted_name

NOT_LOADED = Refusal("The rules for tools are not loaded.", code="tools_missing", status=503)
MISSHAPEN = Refusal("The tools of a request must be a list.", code="invalid_tools", status=400, param="tools")
TOO_MANY = Refusal(
    "A request may have 1024 tools, those in namespaces and in its tool_choice included.",
    code="too_many_tools",
    status=400,
    param="tools",
)


class ToolGovernance:
    """Governs the tools of requests and the calls of replies, by `policies/tools.yaml` and the mode in force."""

    def __init__(self) -> None:
        self._offering: Offering | None = None

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Reads the rules, and stops the start where they or a key name what there is not."""
        self._offering = Offering(startup.tools, startup.policies, startup.flags, startup.standing, startup.accepted)
        for number, key in enumerate(startup.settings.auth.keys):
            for at, name in enumerate(key.tools):
                if startup.tools.named(name) is None:
                    what = f"there is no hosted tool {name!r}; known: {_known(self._offering)}."
                    raise startup.fault(("auth", "keys", number, "tools", at), what)

    @hookimpl
    def admit(self, exchange: Exchange) -> Refusal | None:
        """Turns away who asks for a hosted tool that there is not, and tools that rules want read where nobody can."""
        offering = self._offering
        if offering is None:
            return NOT_LOADED
        if offering.rules.refuses_unseen:
            refusal = refusal_of_unseen(exchange)
            if refusal is not None:
                return refusal
        place, body = place_of(exchange), exchange.request.json
        if place is None or body.__class__ is not dict:
            return None
        asked = asked_in(exchange.received)
        if not asked and not has_tools(body, place):
            return None
        if is_misshapen(body, place) and (asked or offering.rules.client_tools == "listed"):
            return MISSHAPEN
        if declares_too_many(body, place):
            return TOO_MANY
        return _refusal_of_unknown(offering, body, place, asked)

    @hookimpl(governs_tools=True)
    def shape(self, exchange: Exchange) -> Nudge | None:
        """Lets out the tools that are allowed, and puts hosted ones in the place of what asks for them."""
        place, body = place_of(exchange), exchange.request.json
        if place is None or body.__class__ is not dict:
            return None
        caller = exchange.caller
        # In a later step of a loop nothing is offered that was not offered before.
        beside = asked_in(exchange.received) if exchange.step == 1 else ()
        if exchange.step == 1 and caller is not None and caller.tools and place.hosts and not is_misshapen(body, place):
            beside = (*beside, *caller.tools)
        if not beside and not has_tools(body, place):
            return None
        if self._offering is None:
            raise RuntimeError("the rules for tools are not loaded")
        terms = terms_of(exchange, self._offering)
        if not beside and not terms.bind and next(_asking(body, place), None) is None:
            return None
        return Offer(terms, place, body, beside).nudge()

    @hookimpl
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> Refusal | None:
        """Lets a call through where its tool went out and is allowed by now."""
        if self._offering is None:
            return NOT_LOADED
        return refusal_of_call(terms_of(exchange, self._offering), call)


def has_tools(body: dict[str, Any], place: Place) -> bool:
    """Whether a body has anything that is about tools; nearly none has, and those are not looked at further."""
    holder = holder_of(body, place) if place.below else body
    if holder is None:
        return False
    if "tools" in holder or "functions" in holder or WEB_SEARCH in holder:
        return True
    return place.input and body.get("input").__class__ is list and next(tool_lists(body, place), None) is not None


def _refusal_of_unknown(offering: Offering, body: Any, place: Place, asked: tuple[str, ...]) -> Refusal | None:
    for name in (*asked, *_asking(body, place)):
        if offering.tools.named(name) is None:
            shown = redacted_name(name[:LONGEST_SHOWN])
            return Refusal(
                f"There is no hosted tool {shown!r}; known: {_known(offering)}.",
                code="unknown_tool",
                status=400,
                param="tools",
            )
    return None


def _asking(body: Any, place: Place) -> Iterator[str]:
    """Gives the names of the hosted tools that a body asks for, as they stand there; nearly none does."""
    for each in tool_lists(body, place):
        for tool in each.tools:
            if may_ask(tool) and (name := declared(tool, legacy=each.legacy).asks) is not None:
                yield name


def _known(offering: Offering) -> str:
    return ", ".join(offering.tools.by_alias) or "none"
