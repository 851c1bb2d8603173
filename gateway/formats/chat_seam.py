"""Makes one chat completion of the steps of a tool loop: of whole replies, and of the events that stream them."""

from collections.abc import Sequence
from typing import Any

from gateway.answers import Change, Path, Remove, Set
from gateway.formats.seams import Said, added_usage
from gateway.formats.strangers import elements, member, number, string

BETWEEN = "\n\n"
"""What stands between the texts of two steps."""
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


def step_of(reply: Any, removed: Sequence[Path]) -> Said:
    """Gives what a whole reply adds to the one that the client gets."""
    said = next((member(choice, "message") for choice in elements(reply, "choices")), None)
    return Said({key: text for key in _TEXTS if (text := string(said, key))}, usage=member(reply, "usage"))


def joined(reply: Any, steps: Sequence[Said], removed: Sequence[Path]) -> list[Change]:
    """Gives the changes that make the last reply of a loop that of all its steps, without the calls at these paths."""
    changes: list[Change] = []
    for at, choice in enumerate(elements(reply, "choices")):
        said = member(choice, "message")
        for key in _TEXTS:
            told = [text for step in steps if (text := step.texts.get(key))]
            if told:
                last = string(said, key)
                changes.append(Set(("choices", at, "message", key), BETWEEN.join([*told, *([last] if last else [])])))
        changes += _without(said, ("choices", at, "message"), removed)
    usage = None
    for step in steps:
        usage = added_usage(usage, step.usage)
    if usage is not None:
        changes.append(Set(("usage",), added_usage(usage, member(reply, "usage"))))
    return changes


def _without(said: Any, path: Path, removed: Sequence[Path]) -> list[Change]:
    gone = [each for each in removed if each[:3] == path]
    if not gone:
        return []
    changes: list[Change] = [Remove(each) for each in gone if each[3] == "function_call"]
    places = {each[-1] for each in gone if each[3] == "tool_calls"}
    if places and len(places) == len(elements(said, "tool_calls")):
        return [*changes, Remove((*path, "tool_calls"))]
    return [*changes, *(Remove((*path, "tool_calls", at)) for at in sorted(places, key=_place, reverse=True))]


def _place(at: str | int) -> int:
    return at if isinstance(at, int) else 0


class ChatSeam:
    """Makes one stream of those of the steps."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._begun: set[int] = set()
        self._next: dict[int, int] = {}
        self._indexes: dict[tuple[int, int], int] = {}
        self._spent: Any = None
        self._told: set[tuple[int, str]] = set()
        self._told_before: set[tuple[int, str]] = set()

    @property
    def ids(self) -> tuple[str, str]:
        """Two times nothing: nobody continues by an id."""
        return "", ""

    def saw(self, event: Any) -> None:
        """Takes note of an event that went out as it came."""
        self._take_head(event)
        for at, choice in enumerate(elements(event, "choices")):
            index = number(choice, "index", at)
            delta = member(choice, "delta")
            if string(delta, "role"):
                self._begun.add(index)
            self._told |= {(index, key) for key in _TEXTS if string(delta, key)}
            for place, call in enumerate(elements(delta, "tool_calls")):
                self._new_index(index, number(call, "index", place))

    def changes(self, event: Any, removed: Sequence[Path], *, goes_on: bool) -> list[Change] | None:
        """Gives what is to be changed in an event before it goes out, None where it does not go out."""
        if event.__class__ is not dict:
            return None if goes_on else []
        changes: list[Change] = []
        says = False
        choices = elements(event, "choices")
        for at, choice in enumerate(choices):
            says = self._choice_changes(choice, at, removed, changes, goes_on=goes_on) or says
        usage = event.get("usage")
        if usage.__class__ is dict:
            if goes_on:
                changes.append(Remove(("usage",)))
            else:
                says = True
                if self._spent is not None:
                    changes.append(Set(("usage",), added_usage(self._spent, usage)))
        if not says and (changes or goes_on):
            return None
        self._take_head(event)
        return [*changes, *(Set((key,), own) for key, own in self._head.items() if event.get(key, own) != own)]

    def next_step(self, usage: Any) -> None:
        """Says that a step has ended, and what it took as its reply says."""
        self._spent = added_usage(self._spent, usage)
        self._indexes.clear()
        self._told_before |= self._told
        self._told.clear()

    def _take_head(self, event: Any) -> None:
        for key in ("id", "created"):
            if key not in self._head and (value := member(event, key)) is not None:
                self._head[key] = value

    def _choice_changes(
        self, choice: Any, at: int, removed: Sequence[Path], changes: list[Change], *, goes_on: bool
    ) -> bool:
        """Adds the changes of one choice; says whether it still has something to say."""
        index, delta = number(choice, "index", at), member(choice, "delta")
        path: Path = ("choices", at, "delta")
        gone = _without(delta, path, removed)
        changes += gone
        silent = {change.path[3] for change in gone if len(change.path) == 4}
        for place, call in enumerate(elements(delta, "tool_calls")):
            if (*path, "tool_calls", place) not in removed:
                changes += self._indexed(call, index, place, path, gone)
        for key in _TEXTS:
            if text := string(delta, key):
                if (index, key) in self._told_before and (index, key) not in self._told:
                    changes.append(Set((*path, key), BETWEEN + text))
                self._told.add((index, key))
        if string(delta, "role"):
            if index in self._begun:
                changes.append(Remove((*path, "role")))
                silent.add("role")
            self._begun.add(index)
        ended = string(choice, "finish_reason")
        if ended and goes_on:
            changes.append(Set(("choices", at, "finish_reason"), None))
        told = delta.items() if delta.__class__ is dict else ()
        return bool(ended and not goes_on) or any(value and key not in silent for key, value in told)

    def _indexed(self, call: Any, choice: int, place: int, path: Path, gone: Sequence[Change]) -> list[Change]:
        """Gives the change of a call's index, at the place that it has when those before it are gone."""
        before = number(call, "index", place)
        now = self._new_index(choice, before)
        if now == before and member(call, "index") is not None:
            return []
        moved = sum(1 for change in gone if _place(change.path[-1]) < place and len(change.path) > 4)
        return [Set((*path, "tool_calls", place - moved, "index"), now)]

    def _new_index(self, choice: int, index: int) -> int:
        key = (choice, index)
        if key not in self._indexes:
            self._indexes[key] = self._next.get(choice, 0)
            self._next[choice] = self._indexes[key] + 1
        return self._indexes[key]


def seam() -> ChatSeam:
    """Gives what makes one stream of those of a loop's steps."""
    return ChatSeam()
