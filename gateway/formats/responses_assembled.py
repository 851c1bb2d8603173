"""Adds up the events of a response to the reply as it is without streaming."""

from collections.abc import Iterable
from typing import Any

from gateway.formats.merged import Parts, settled
from gateway.formats.response_items import FAMILIES
from gateway.formats.strangers import decoded, elements, member, number, string

_DEFAULT_PARTS: dict[str, dict[str, Any]] = {
    "response.output_text": {"type": "output_text", "annotations": []},
    "response.refusal": {"type": "refusal"},
    "response.reasoning_text": {"type": "reasoning_text"},
    "response.reasoning_summary_text": {"type": "summary_text"},
}
_KEYS = {"response.refusal": "refusal"}


def assembled(data: Iterable[bytes]) -> Any:
    """Gives the response of the last event that has one, with the output as far as the events tell it."""
    reply: dict[str, Any] = {}
    output = _Output()
    for each in data:
        event = decoded(each)
        response = member(event, "response")
        if response.__class__ is dict:
            reply = {**reply, **response}
        elif string(event, "type") == "error":
            reply.setdefault("error", {key: event.get(key) for key in ("code", "message", "param")})
        else:
            output.add(event)
    if not elements(reply, "output") and (told := output.items()):
        reply["output"] = told
    return reply or None


class _Output:
    """The items as far as their events came."""

    def __init__(self) -> None:
        self._items: dict[int, dict[str, Any]] = {}
        self._done: set[int] = set()

    def items(self) -> list[Any]:
        """Gives the items in their order, without the holes that other indexes leave."""
        return [self._whole(self._items[index]) for index in sorted(self._items)]

    def _whole(self, item: dict[str, Any]) -> dict[str, Any]:
        lists = {
            key: [settled(value[index]) for index in sorted(value)]
            for key, value in item.items()
            if value.__class__ is _Numbered
        }
        return {**settled(item), **lists}

    def add(self, event: Any) -> None:
        """Takes what one event says about an item."""
        kind = string(event, "type")
        index = number(event, "output_index")
        item = member(event, "item")
        if item.__class__ is dict:
            self._items[index] = dict(item)
            if kind == "response.output_item.done":
                self._done.add(index)
            return
        family, _, step = kind.rpartition(".")
        if family in FAMILIES and step in ("delta", "done") and index not in self._done:
            self._add_text(event, index, family, step)

    def _add_text(self, event: Any, index: int, family: str, step: str) -> None:
        text = string(event, "delta" if step == "delta" else FAMILIES[family].done)
        holder = FAMILIES[family].holder
        item = self._items.setdefault(index, {})
        if family in _DEFAULT_PARTS:
            if item.get(holder).__class__ is not _Numbered:
                item[holder] = _as_parts(item.get(holder))
            place = number(event, FAMILIES[family].index)
            part = item[holder].setdefault(place, dict(_DEFAULT_PARTS[family]))
            _grow(part, _KEYS.get(family, "text"), text, step)
        elif holder in ("arguments", "input", "code"):
            _grow(item, holder, text, step)


class _Numbered(dict[int, dict[str, Any]]):
    """The parts of an item's content by their index."""


def _as_parts(value: Any) -> _Numbered:
    parts = value if value.__class__ is list else []
    return _Numbered({at: dict(part) for at, part in enumerate(parts) if part.__class__ is dict})


def _grow(holder: dict[str, Any], key: str, text: str, step: str) -> None:
    if step == "done":
        holder[key] = text
    elif holder.get(key).__class__ is Parts:
        holder[key].append(text)
    else:
        before = holder.get(key)
        holder[key] = Parts((before, text) if isinstance(before, str) else (text,))
