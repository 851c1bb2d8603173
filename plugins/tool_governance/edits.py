"""What becomes of one list of tools, and the changes that make it so."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

from gateway import Change, Insert, Remove, Set
from plugins.tool_governance.places import ToolList

MOST_EDITS = 16
"""Above it a list is written anew: each single change reads the whole body."""
MOST_REASONS = 16
Reasoned: TypeAlias = tuple[Change, str]


class Edit(msgspec.Struct, frozen=True):
    """What becomes of the tool `at` a place of its list: `value` in its place, nothing where it is `gone`."""

    at: int
    because: str
    value: Any = None
    gone: bool = True


class Addition(msgspec.Struct, frozen=True):
    """A tool that is put behind the end of a list."""

    value: Any
    because: str


class EditedList(msgspec.Struct, frozen=True):
    """A list as it came, with what becomes of it."""

    source: ToolList
    edits: tuple[Edit, ...] = ()
    added: tuple[Addition, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything becomes of it."""
        return bool(self.edits or self.added)

    @property
    def result(self) -> list[Any]:
        """The list as it goes out."""
        if not self.changed:
            return self.source.tools
        edits = {edit.at: edit for edit in self.edits}
        found: list[Any] = []
        for at, tool in enumerate(self.source.tools):
            edit = edits.get(at)
            if edit is None:
                found.append(tool)
            elif not edit.gone:
                found.append(edit.value)
        return [*found, *(each.value for each in self.added)]

    def changes(self, *, leaves: bool) -> list[Reasoned]:
        """Gives the changes: each by itself where they are few, else the list anew; one that is empty may leave."""
        if not self.changed:
            return []
        path, result = self.source.path, self.result
        because = joined([*(edit.because for edit in self.edits), *(each.because for each in self.added)])
        if not result and leaves:
            return [(Remove(path), because)]
        if not result or not self.source.tools or len(self.edits) + len(self.added) > MOST_EDITS:
            return [(Set(path, result), because)]
        made: list[Reasoned] = []
        for edit in reversed(self.edits):
            place = (*path, edit.at)
            made.append((Remove(place) if edit.gone else Set(place, edit.value), edit.because))
        start = len(result) - len(self.added)
        made += [(Insert(path, start + at, each.value), each.because) for at, each in enumerate(self.added)]
        return made


def joined(reasons: Iterable[str]) -> str:
    """Gives the reasons as one text, each once, and no more than anybody reads."""
    unique = list(dict.fromkeys(reasons))
    more = len(unique) - MOST_REASONS
    return "; ".join(unique[:MOST_REASONS]) + (f"; and {more} more" if more > 0 else "")
