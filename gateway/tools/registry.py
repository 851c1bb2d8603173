"""The hosted tools that plugins register, by alias and by the function name that models see."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Tool(msgspec.Struct, frozen=True):
    """A tool that runs here.

    `alias` is its name in policies and settings, `name` the function name that models see, `parameters` the JSON
    schema of its arguments. It is there for callers from `tier` on; with a `flag`, only while that is on. `seconds` is
    how long one run may take. `side_effects` says that running it twice does something twice.
    """

    alias: str
    name: str
    description: str
    parameters: Mapping[str, Any]
    tier: str = "T1"
    flag: str | None = None
    seconds: float = 30.0
    side_effects: bool = False


class ToolRegistry:
    """All hosted tools, in the order in which plugins named them."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        """Errors: ValueError for two tools of one alias or name, or a name that no model takes."""
        self.tools = tuple(tools)
        self.by_alias = {tool.alias: tool for tool in self.tools}
        self.by_name = {tool.name: tool for tool in self.tools}
        if len(self.by_alias) < len(self.tools) or len(self.by_name) < len(self.tools):
            raise ValueError("two hosted tools have the same alias or the same name.")
        for name in (*self.by_alias, *self.by_name):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name for a tool: up to 64 letters, digits, _ and -.")

    def named(self, name: str) -> Tool | None:
        """Gives the tool of an alias or function name."""
        return self.by_alias.get(name) or self.by_name.get(name)


NO_TOOLS = ToolRegistry()
