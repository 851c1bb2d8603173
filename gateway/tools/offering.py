"""Who may use which hosted tool, and how one is told to a model: asked by governance, and by `/tools/available`."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from gateway.exchange import Received
from gateway.flags import PREFIX, Flags
from gateway.live_policies import LivePolicies
from gateway.pushed import Standing, Withheld
from gateway.tools.registry import Tool, ToolRegistry
from identity.caller import Caller
from policies.document import DocumentError
from policies.tools import FILE, ToolRules, fits

ASKING = b"x-lukhas-tools"
ASKED_TYPE = "lukhas"
ASKED_PREFIX = "lukhas:"
EVERY_TOOL = "*"
ToolForm: TypeAlias = Literal["chat", "responses", "functions"]


class Offering:
    """Says why a caller may not use a hosted tool, by what is true at the moment of asking."""

    def __init__(
        self,
        tools: ToolRegistry,
        policies: LivePolicies,
        flags: Flags,
        standing: Callable[[str], Standing],
        accepted: Callable[[str], bool],
    ) -> None:
        """Asks `accepted` whether the upstream took a passed-through key. Errors: DocumentError for an unknown tier."""
        self.tools = tools
        self._policies = policies
        self._flags = flags
        self._standing = standing
        self._accepted = accepted
        policies.require("tools", self._check)

    @property
    def rules(self) -> ToolRules:
        """The rules in force."""
        return self._policies.tools

    def why_not(self, tool: Tool, caller: Caller | None) -> str | None:
        """Gives the first reason against it as a clause, None where the caller may use the tool."""
        rules, order = self._policies.tools, self._policies.tiers.order
        if caller is None:
            return "nobody has been identified"
        if not fits(rules.hosted, tool.alias, tool.name):
            return "the rules for tools do not include it"
        tier = rules.tiers.get(tool.alias, tool.tier)
        if tier not in order or caller.tier not in order or order.index(caller.tier) < order.index(tier):
            return f"it needs the tier {tier}, and the caller has {caller.tier}"
        if tool.flag is not None and not self._flags.on(tool.flag, caller.principal):
            return f"{PREFIX}{tool.flag} is off"
        if caller.kind == "passthrough" and not self._accepted(caller.principal):
            return "the upstream has not accepted the key yet"
        return withheld_because(self.withheld(caller), tool.alias, tool.name, EVERY_TOOL)

    def withheld(self, caller: Caller | None) -> tuple[Withheld, ...]:
        """Gives what nobody may offer to the caller or run for them now."""
        return () if caller is None else self._standing(caller.principal).withheld

    def _check(self, rules: ToolRules) -> None:
        order = self._policies.tiers.order
        for alias, tier in rules.tiers.items():
            if tier not in order:
                raise DocumentError(f"{FILE}, tiers.{alias}: unknown tier {tier!r}; known: {', '.join(order)}.")


def withheld_because(withheld: tuple[Withheld, ...], *names: str) -> str | None:
    """Gives why a tool of these names is withheld, None where it is not; `*` is the name of all that are not listed."""
    return next((f"it is withheld: {each.because}" for each in withheld if each.tool in names), None)


def asked_in(received: Received) -> tuple[str, ...]:
    """Gives the hosted tools that the headers of a request ask for, as their sender names them."""
    found: tuple[str, ...] = ()
    if received.header(ASKING) is None:
        return found
    for name, value in received.headers:
        if name.lower() == ASKING:
            found += tuple(part for each in value.decode("latin-1").split(",") if (part := each.strip(" \t")))
    return found


def definition(tool: Tool, form: ToolForm) -> dict[str, Any]:
    """Gives a hosted tool as models are told of it, in the form that an endpoint takes."""
    said: dict[str, Any] = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    if form == "functions":
        return said
    if form == "responses":
        # Left out, the upstream would try to make the schema a strict one.
        return {"type": "function", **said, "strict": False}
    return {"type": "function", "function": said}
