"""Makes one response of the steps of a tool loop: of whole replies, and of the events that stream them."""

from collections.abc import Sequence
from typing import Any

from gateway.answers import Change, Insert, Path, Remove, Set
from gateway.formats.seams import Said, added_usage
from gateway.formats.strangers import elements, member, string

_BEGINNINGS = frozenset(("response.created", "response.in_progress", "response.queued"))


def step_of(reply: Any, removed: Sequence[Path]) -> Said:
    """Gives what a whole reply adds to the one that the client gets."""
    output = enumerate(elements(reply, "output"))
    return Said(items=[item for at, item in output if ("output", at) not in removed], usage=member(reply, "usage"))


def joined(reply: Any, steps: Sequence[Said], removed: Sequence[Path]) -> list[Change]:
    """Gives the changes that make the last reply of a loop that of all its steps, without the calls at these paths."""
    places = sorted((path[1] for path in removed if isinstance(path[1], int)), reverse=True)
    changes: list[Change] = [Remove(("output", at)) for at in places]
    earlier = [item for step in steps for item in step.items]
    changes += [Insert(("output",), at, item) for at, item in enumerate(earlier)]
    usage = None
    for step in steps:
        usage = added_usage(usage, step.usage)
    if usage is not None:
        changes.append(Set(("usage",), added_usage(usage, member(reply, "usage"))))
    return changes


class ResponsesSeam:
    """Makes one stream of those of the steps.

    `_before` are the items of steps that have ended, `_items` those of this one, by the index that they came with.
    """

    def __init__(self) -> None:
        self._id = ""
        self._last_id = ""
        self._number = -1
        self._next = 0
        self._indexes: dict[int, int] = {}
        self._gone: set[int] = set()
        self._before: list[Any] = []
        self._items: dict[int, Any] = {}
        self._spent: Any = None
        self._first = True

    @property
    def ids(self) -> tuple[str, str]:
        """The id by which the client knows the response, and that of the last step."""
        return self._id, self._last_id

    def saw(self, event: Any) -> None:
        """Takes note of an event that went out as it came."""
        self._id = self._id or string(member(event, "response"), "id")
        if (number := member(event, "sequence_number")).__class__ is int:
            self._number = number
        if (index := member(event, "output_index")).__class__ is int:
            self._new_index(index)
            self._take_item(event, index)

    def changes(self, event: Any, removed: Sequence[Path], *, goes_on: bool) -> list[Change] | None:
        """Gives what is to be changed in an event before it goes out, None where it does not go out."""
        kind, index, said = string(event, "type"), member(event, "output_index"), member(event, "response")
        self._last_id = string(said, "id") or self._last_id
        if kind in _BEGINNINGS and not self._first:
            return None
        gone = any(not path or path[0] == "item" for path in removed)
        if index.__class__ is int:
            if gone:
                self._gone.add(index)
            if index in self._gone:
                return None
        elif gone or (goes_on and kind == "response.completed"):
            return None
        changes: list[Change] = []
        if index.__class__ is int:
            self._take_item(event, index)
            if (new := self._new_index(index)) != index:
                changes.append(Set(("output_index",), new))
        if (number := member(event, "sequence_number")).__class__ is int:
            self._number += 1
            if number != self._number:
                changes.append(Set(("sequence_number",), self._number))
        if said.__class__ is dict:
            changes += self._response_changes(said, removed)
        return changes

    def next_step(self, usage: Any) -> None:
        """Says that a step has ended, and what it took as its reply says."""
        self._spent = added_usage(self._spent, usage)
        self._before += [self._items[index] for index in sorted(self._items)]
        self._indexes.clear()
        self._gone.clear()
        self._items.clear()
        self._first = False

    def _response_changes(self, said: dict[str, Any], removed: Sequence[Path]) -> list[Change]:
        changes: list[Change] = []
        self._id = self._id or string(said, "id")
        if string(said, "id") not in ("", self._id):
            changes.append(Set(("response", "id"), self._id))
        output = elements(said, "output")
        own = [
            item for at, item in enumerate(output) if at not in self._gone and ("response", "output", at) not in removed
        ]
        told = own or [self._items[index] for index in sorted(self._items)] if self._before else own
        if "output" in said and [*self._before, *told] != output:
            changes.append(Set(("response", "output"), [*self._before, *told]))
        usage = said.get("usage")
        if usage.__class__ is dict and self._spent is not None:
            changes.append(Set(("response", "usage"), added_usage(self._spent, usage)))
        return changes

    def _take_item(self, event: Any, index: int) -> None:
        if string(event, "type") == "response.output_item.done":
            self._items[index] = event["item"]

    def _new_index(self, index: int) -> int:
        if index not in self._indexes:
            self._indexes[index] = self._next
            self._next += 1
        return self._indexes[index]


def seam() -> ResponsesSeam:
    """Gives what makes one stream of those of a loop's steps."""
    return ResponsesSeam()
