"""`/tools/registry`, `/tools/names`, `/tools/available`, `/tools/{name}`: which hosted tools there are, for whom."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.answers import Refusal
from gateway.office.refusing import Refused
from gateway.tools.offering import Offering, definition
from identity.caller import Caller
from policies.redaction import redacted_name

CACHED = {"Cache-Control": "private, max-age=60"}
LONGEST_SHOWN = 64


class ToolNames(msgspec.Struct, frozen=True):
    """The aliases of all hosted tools."""

    tools: list[str]


class Available(msgspec.Struct, frozen=True):
    """The hosted tools that the caller may ask for, and of the others why not.

    `offered` are those that the caller's key is offered without asking. `client_tools` is the rule for the caller's
    own functions: `pass`, or `listed` by the patterns in `listed`, which always hold in strict mode.
    """

    tools: list[str]
    why_not: dict[str, str]
    offered: list[str]
    client_tools: str
    listed: list[str]


def registry_routes(offering: Offering) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers."""

    @get("/tools/registry", tags=["tools"])
    async def tools_registry() -> Response[dict[str, Any]]:
        """Gives the definition of each hosted tool by its alias, as a model is told of it in a chat."""
        return Response({tool.alias: definition(tool, "chat") for tool in offering.tools.tools}, headers=CACHED)

    @get("/tools/names", tags=["tools"])
    async def tools_names() -> ToolNames:
        """Gives the aliases of all hosted tools."""
        return ToolNames(list(offering.tools.by_alias))

    @get("/tools/available", tags=["tools"])
    async def tools_available(caller: NamedDependency[Caller]) -> Available:
        """Says which hosted tools you may ask for by now, and why not the others."""
        return available(offering, caller)

    @get("/tools/{name:str}", tags=["tools"])
    async def tools_one(name: FromPath[str]) -> dict[str, Any]:
        """Gives the definition of one hosted tool, by its alias or by the name that models see."""
        tool = offering.tools.named(name)
        if tool is None:
            known = ", ".join(offering.tools.by_alias) or "none"
            shown = redacted_name(name[:LONGEST_SHOWN])
            raise Refused(
                Refusal(f"There is no hosted tool {shown!r}; known: {known}.", "unknown_tool", 404, param="name")
            )
        return definition(tool, "chat")

    return [tools_registry, tools_names, tools_available, tools_one]


def available(offering: Offering, caller: Caller) -> Available:
    """Gives what stands in the answer."""
    why_not = {tool.alias: offering.why_not(tool, caller) for tool in offering.tools.tools}
    tools = [alias for alias, because in why_not.items() if because is None]
    offered = [tool.alias for name in caller.tools if (tool := offering.tools.named(name)) is not None]
    rules = offering.rules
    return Available(
        tools,
        {alias: because for alias, because in why_not.items() if because is not None},
        [alias for alias in dict.fromkeys(offered) if alias in tools],
        rules.client_tools,
        list(rules.listed),
    )
