"""Keeps a `tool_choice` true after tools were taken away or put in."""

from collections.abc import Mapping
from typing import Any

from gateway import Change, Set
from plugins.tool_governance.declared import Key, declared
from plugins.tool_governance.places import Path

AUTO = "auto"


class Settled:
    """What became of the tools: the keys of those that stood in the request, those that stand there now, and what the
    hosted ones are called, by the name that they were asked for by.
    """

    __slots__ = ("after", "before", "hosted")

    def __init__(self, before: frozenset[Key], after: frozenset[Key], hosted: Mapping[str, str]) -> None:
        self.before = before
        self.after = after
        self.hosted = hosted

    def choice(self, choice: Any, path: Path, *, nested: bool, legacy: bool = False) -> tuple[Change, ...]:
        """Gives the changes that a choice at `path` needs; `nested` is chat's form, `legacy` that of `function_call`.

        A choice that named nothing in the request is its sender's own error, and stays.
        """
        if choice.__class__ is not dict:
            return ()
        if not legacy and choice.get("type") == "allowed_tools":
            return self._several(choice, path, nested=nested)
        chosen = self._chosen(choice, nested=nested, legacy=legacy)
        if chosen is choice:
            return ()
        return (Set(path, AUTO if chosen is None else chosen),)

    def _several(self, choice: dict[str, Any], path: Path, *, nested: bool) -> tuple[Change, ...]:
        within = choice.get("allowed_tools") if nested else choice
        listed = within.get("tools") if within.__class__ is dict else None
        if within is None or listed.__class__ is not list:
            return ()
        found = [self._chosen(each, nested=nested, legacy=False) for each in listed]
        if all(one is each for one, each in zip(found, listed, strict=True)):
            return ()
        kept = [each for each in found if each is not None]
        if not kept:
            return (Set(path, AUTO),)
        return (Set((*path, *(("allowed_tools",) if nested else ()), "tools"), kept),)

    def _chosen(self, choice: Any, *, nested: bool, legacy: bool) -> Any:
        """Gives a choice of one tool as it may stay, another in its place, or None where its tool is gone."""
        tool = declared(choice, legacy=legacy)
        if tool.asks is not None:
            name = self.hosted.get(tool.asks)
            if name is None:
                return None
            if legacy:
                return {"name": name}
            return {"type": "function", "function": {"name": name}} if nested else {"type": "function", "name": name}
        gone = tool.key in self.before and tool.key not in self.after
        return None if gone else choice
