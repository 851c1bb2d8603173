"""Turns the tools of a request into those that go out: takes away, replaces what asks for hosted ones, and says why."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from gateway import Nudge, Remove, Tool, ToolForm, definition
from plugins.tool_governance.choice import Settled
from plugins.tool_governance.declared import LONGEST_SHOWN, NAMED, Declared, Key, declared
from plugins.tool_governance.edits import Addition, Edit, EditedList, Reasoned, joined
from plugins.tool_governance.places import MEMBERS, Path, Place, ToolList, holder_of, tool_lists
from plugins.tool_governance.terms import Terms, inside
from policies.redaction import redacted_name

WEB_SEARCH: Final = "web_search_options"
"""Chat has the upstream search the web by this member, and not by a tool."""
_CHOOSING = ((False, ("tool_choice", "parallel_tool_calls")), (True, ("function_call",)))
_NO_TOOL_LEFT = "no tool is left"
_NOT_AS_CHOSEN = "the tool that was chosen is not offered by that name"


class Offer:
    """The work on one request: says what becomes of each list of tools, then `nudge` gives all of it."""

    def __init__(self, terms: Terms, place: Place, body: Any, beside: Iterable[str]) -> None:
        """Takes the hosted tools that are asked for `beside` the body: by a header, and by the caller's key."""
        self._terms = terms
        self._place = place
        self._holder = holder_of(body, place) or {}
        self._choices_asked = (holder_of(terms.exchange.asked.json, place) or {}).get("n")
        self._beside = tuple(dict.fromkeys(beside))
        self._before: set[Key] = set()
        self._after: set[Key] = set()
        self._remarks: dict[str, None] = {}
        self._hosted: dict[str, str] = {}
        self._lists = [
            (each, [declared(tool, legacy=each.legacy) for tool in each.tools]) for each in tool_lists(body, place)
        ]
        self._own = {name for _, tools in self._lists for tool in tools for name in self._own_names(tool)}

    def nudge(self) -> Nudge | None:
        """Gives what is to be done and why, None where the request may go as it is."""
        lists = self._with_asked([EditedList(each, self._edits(each, tools)) for each, tools in self._lists])
        made = [
            *self._unreadable(),
            *self._search(),
            *(change for each in lists for change in each.changes(leaves=self._is_top(each) and not self._place.stays)),
            *self._choices(lists),
        ]
        if not made and not self._remarks:
            return None
        reasons = tuple(because for _, because in made)
        because = joined([*reasons, *self._remarks])
        hosted = self._hosted if self._place.calls else {}
        return Nudge(tuple(change for change, _ in made), because, reasons=reasons, hosted=hosted)

    # What the request has.

    def _own_names(self, tool: Declared) -> Iterator[str]:
        """Gives the names of functions that are the client's own, which no hosted tool may take."""
        if tool.asks is None and tool.kind in NAMED:
            yield from (name for name in tool.names if name not in self._terms.exchange.hosted)
        for each in tool.inner:
            yield from declared(each).names

    def _edits(self, each: ToolList, tools: list[Declared]) -> tuple[Edit, ...]:
        edits = []
        for at, tool in enumerate(tools):
            self._before.update(_keys(tool))
            edit = self._verdict(at, tool, each)
            if edit is None:
                self._after.update(_keys(tool))
            else:
                edits.append(edit)
        return tuple(edits)

    def _verdict(self, at: int, tool: Declared, each: ToolList) -> Edit | None:
        """Gives what becomes of a tool, None where it stays as it is."""
        if tool.asks is not None:
            return self._asked(at, tool.asks, self._form(each))
        hosted = self._terms.exchange.hosted
        alias = next((hosted[name] for name in tool.names if name in hosted), None) if hosted else None
        because = self._terms.against(tool) if alias is None else self._terms.against_alias(alias)
        if because is None:
            return None
        if tool.kind == "namespace":
            return self._namespace(at, tool, each)
        return Edit(at, f"{alias or tool.shown}: {because}")

    def _asked(self, at: int, name: str, form: ToolForm) -> Edit:
        tool = self._granted(name)
        if tool is None:
            return Edit(at, f"{_shown(name)} was asked for and is not offered")
        if tool.name in self._hosted:
            return Edit(at, f"{tool.alias} was asked for twice")
        self._take(tool)
        return Edit(at, _was_asked_for(tool), definition(tool, form), gone=False)

    def _namespace(self, at: int, tool: Declared, each: ToolList) -> Edit:
        """Leaves of a namespace what is listed; without anything in it, it goes."""
        stays = self._terms.kept_inside(tool)
        kept = [one for one, stay in zip(tool.inner, stays, strict=True) if stay]
        if not kept:
            return Edit(at, f"{tool.shown}: none of its tools is on the list")
        left = msgspec.structs.replace(tool, inner=tuple(kept))
        self._after.update(_keys(left))
        because = f"{tool.shown}: some of its tools are not on the list"
        return Edit(at, because, {**each.tools[at], "tools": kept}, gone=False)

    def _unreadable(self) -> Iterator[Reasoned]:
        """Takes away what stands in the place of a list where only listed tools may go out."""
        because = self._terms.against(Declared("", ()))
        for name in MEMBERS if because is not None else ():
            if self._holder.get(name) is not None and self._holder[name].__class__ is not list:
                yield Remove((*self._place.below, name)), f"{name} is no list: {because}"

    def _search(self) -> Iterator[Reasoned]:
        """Treats the web search of chat as the tool that it is."""
        if self._place.form == "chat" and WEB_SEARCH in self._holder:
            because = self._terms.against(Declared("web_search", ("web_search",)))
            if because is not None:
                yield Remove((*self._place.below, WEB_SEARCH)), f"web_search: {because}"

    # Hosted tools.

    def _granted(self, name: str) -> Tool | None:
        """Gives the hosted tool that is asked for by a name, None where it may not be offered; a remark says why."""
        tool = self._terms.offering.tools.named(name)
        because = "there is no such tool" if tool is None else self._against_asked(tool)
        if because is None:
            return tool
        self._remarks[f"{_shown(name)} is not offered: {because}"] = None
        if tool is not None and tool.name not in self._own:
            self._before.add(("function", tool.name))
        return None

    def _against_asked(self, tool: Tool) -> str | None:
        if not self._place.hosts:
            return "calls of this endpoint do not come back here"
        # A policy that asks for fewer choices must not bring back tools that several keep away.
        if self._choices_asked not in (None, 1) or self._holder.get("n") not in (None, 1):
            return "hosted tools go with one choice alone (n)"
        if self._holder.get("background") not in (None, False):
            return "hosted tools do not run in the background"
        if tool.name in self._own:
            return f"the request has a function of its own named {tool.name}"
        return self._terms.against_hosted(tool)

    def _take(self, tool: Tool) -> None:
        self._hosted[tool.name] = tool.alias
        self._after.add(("function", tool.name))

    def _with_asked(self, lists: list[EditedList]) -> list[EditedList]:
        """Adds what is asked for beside the body to the list that there is, or makes one."""
        granted = {tool.alias: tool for name in self._beside if (tool := self._granted(name)) is not None}
        fresh = [tool for tool in granted.values() if ("function", tool.name) not in self._after]
        if not fresh:
            return lists
        top = next((each for each in lists if self._is_top(each)), None)
        into = top or EditedList(ToolList((*self._place.below, "tools"), []))
        for tool in fresh:
            self._take(tool)
        form = self._form(into.source)
        added = tuple(Addition(definition(tool, form), _was_asked_for(tool)) for tool in fresh)
        return [msgspec.structs.replace(into, added=added), *(each for each in lists if each is not top)]

    def _form(self, each: ToolList) -> ToolForm:
        return "functions" if each.legacy else self._place.form

    def _is_top(self, each: EditedList) -> bool:
        return len(each.source.path) == len(self._place.below) + 1

    # What chooses among them.

    def _choices(self, lists: list[EditedList]) -> Iterator[Reasoned]:
        """Keeps what chooses among the tools true, and takes it away where none is left to choose."""
        settled = Settled(frozenset(self._before), frozenset(self._after), self._names_asked())
        left = {each.source.legacy for each in lists if each.result}
        touched = {each.source.legacy for each in lists if each.changed}
        if self._remarks or self._has_unreadable():
            touched |= {False, True}
        for legacy, members in _CHOOSING:
            for name in members if legacy in touched else ():
                if name not in self._holder:
                    continue
                path: Path = (*self._place.below, name)
                if legacy not in left:
                    yield Remove(path), _NO_TOOL_LEFT
                else:
                    nested = self._place.form == "chat"
                    for change in settled.choice(self._holder[name], path, nested=nested, legacy=legacy):
                        yield change, _NOT_AS_CHOSEN

    def _has_unreadable(self) -> bool:
        return next(self._unreadable(), None) is not None

    def _names_asked(self) -> dict[str, str]:
        """Gives the function name of each hosted tool that is offered, by all names that it is asked for by."""
        found: dict[str, str] = {}
        for name, alias in {**self._terms.exchange.hosted, **self._hosted}.items():
            if ("function", name) in self._after:
                found |= {alias: name, name: name}
        return found


def _keys(tool: Declared) -> Iterator[Key]:
    """Gives what a choice may name a tool by, and the tools in it."""
    yield tool.key
    if tool.kind in NAMED:
        yield from ((tool.kind, name) for name in tool.names)
    for each in tool.inner:
        one = declared(each)
        yield from (one.key, inside(one, tool).key)


def _shown(name: str) -> str:
    return redacted_name(name[:LONGEST_SHOWN])


def _was_asked_for(tool: Tool) -> str:
    return f"{tool.alias}: a hosted tool that was asked for"
