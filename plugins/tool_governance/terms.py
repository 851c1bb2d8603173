"""What an exchange may do with tools at one moment: its list, its mode, and what is withheld from its caller."""

import msgspec

from gateway import EVERY_TOOL, Exchange, Offering, Tool, Withheld, withheld_because
from plugins.tool_governance.declared import NAMED, Declared, declared
from policies.tools import fits

_STRICT = "it is not on the list that holds in strict mode"
_LISTED = "it is not on the list"


class Terms(msgspec.Struct, frozen=True):
    """`unlisted` says why the client's own tools have to be listed, None where they need not be."""

    offering: Offering
    exchange: Exchange
    unlisted: str | None
    withheld: tuple[Withheld, ...]

    @property
    def bind(self) -> bool:
        """Whether anything holds for the tools of clients: without that, none needs to be looked at."""
        return self.unlisted is not None or bool(self.withheld) or bool(self.exchange.hosted)

    def against(self, tool: Declared) -> str | None:
        """Gives the reason against a tool of the client or of the upstream, None where it may go out or be called."""
        if self.unlisted is None and not self.withheld:
            return None
        names = rule_names(tool)
        withheld = withheld_because(self.withheld, *names)
        if withheld is not None or _listed(self.offering.rules.listed, tool, names):
            return withheld
        return withheld_because(self.withheld, EVERY_TOOL) or self.unlisted

    def against_hosted(self, tool: Tool) -> str | None:
        """Gives the reason against a hosted tool, None where it may be offered or run."""
        exchange = self.exchange
        allowed = exchange.allowed_tools
        if allowed is not None and not fits(allowed, tool.alias, tool.name):
            return "the signals of the request narrow the hosted tools to others"
        return self.offering.why_not(tool, exchange.caller)

    def against_alias(self, alias: str) -> str | None:
        """Gives the reason against the hosted tool of an alias."""
        tool = self.offering.tools.by_alias.get(alias)
        return "there is no such tool" if tool is None else self.against_hosted(tool)

    def kept_inside(self, namespace: Declared) -> list[bool]:
        """Says of each tool in a namespace whether it may go out; a hosted one never stands in there."""
        found = [declared(each) for each in namespace.inner]
        return [each.asks is None and self.against(inside(each, namespace)) is None for each in found]


def terms_of(exchange: Exchange, offering: Offering) -> Terms:
    """Gives what holds for an exchange now."""
    withheld = offering.withheld(exchange.caller)
    strict = exchange.safety_mode == "strict" or any(each.strict for each in withheld)
    listed = offering.rules.client_tools == "listed"
    return Terms(offering, exchange, _STRICT if strict else _LISTED if listed else None, withheld)


def rule_names(tool: Declared) -> tuple[str, ...]:
    """Gives the names by which the rules know a tool."""
    return ("mcp", *(f"mcp:{label}" for label in tool.names)) if tool.kind == "mcp" else tool.names


def inside(tool: Declared, namespace: Declared) -> Declared:
    """Gives a tool with the name of its namespace before its own."""
    prefix = namespace.names[0] if namespace.names else ""
    return msgspec.structs.replace(tool, names=tuple(f"{prefix}.{name}" for name in tool.names))


def _listed(patterns: tuple[str, ...], tool: Declared, names: tuple[str, ...]) -> bool:
    """Whether a tool is listed: by all names that a function has, by any that something else has."""
    if tool.kind in NAMED:
        return bool(names) and all(fits(patterns, name) for name in names)
    return fits(patterns, *names)
