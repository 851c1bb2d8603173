"""The calls of a realtime session: what is told of a call waits until it is allowed, and of a blocked one goes nowhere.

A call is one item of the conversation, known by its id, whichever event tells of it.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.answers import Path, Refusal, ToolCall
from gateway.exchange import Exchange
from gateway.formats import responses
from gateway.formats.found import CallDelta
from gateway.formats.response_items import call_of
from gateway.formats.strangers import member, number, string
from gateway.guard.asking import note_blocked, refusal_of, refusal_of_stray
from gateway.guard.calls import Call
from gateway.hooks import Implementation

MOST_CALLS = 256
"""So many are remembered; what is told again of one that is forgotten is asked about again."""
MOST_HELD = 4 << 20
_TOO_MUCH = Refusal("Too much of a call had to wait for the checks of this gateway.", "too_much_held", 502)
_WHOLE = (".done", ".retrieved")


class Let(msgspec.Struct, frozen=True):
    """What may go out of an event, ahead of it what waited for the same verdict; and the refusals of calls in it."""

    texts: Sequence[str] = ()
    refusals: Sequence[Refusal] = ()


class _Item:
    """A call as far as it was told, with the events that wait for its verdict."""

    __slots__ = ("blocked", "call", "exchange", "held", "held_characters")

    def __init__(self, delta: CallDelta, exchange: Exchange) -> None:
        self.call = Call(delta)
        self.exchange = exchange
        self.blocked = False
        self.held: list[str] = []
        self.held_characters = 0

    def released(self) -> list[str]:
        held, self.held, self.held_characters = self.held, [], 0
        return held


class RealtimeCalls:
    """Asks about the calls of one session, each once, and again where more becomes known of it."""

    def __init__(self, allow_tool: tuple[Implementation, ...]) -> None:
        self._allow_tool = allow_tool
        self._whole = any(each.needs == "arguments" for each in allow_tool)
        self._items: OrderedDict[str, _Item] = OrderedDict()
        self._clients: OrderedDict[ToolCall, None] = OrderedDict()

    def put_in(self, item: Any) -> None:
        """Takes note of a call that the client itself puts into the conversation, and will be told of."""
        call = _told_by_client(item)
        if call is not None:
            self._clients[call] = None
            if len(self._clients) > MOST_CALLS:
                self._clients.popitem(last=False)

    async def let(self, text: str, data: bytes, event: Any, exchange: Exchange) -> Let:
        """Gives what may go out of an event, given as text, bytes and JSON values.

        `exchange` is that of the response which it is of.
        """
        if not responses.may_hold_call(data):
            return Let((text,))
        stray = refusal_of_stray(exchange, responses, data, event, streamed=True)
        if stray is not None:
            return Let((), (stray,))
        deltas = [delta for delta in responses.event_calls(event) if not self._is_clients(event, delta.path)]
        if not deltas:
            return self._let_of_item(text, self._items.get(_id_of(event, ("item",)) or string(event, "item_id")))
        refusals: list[Refusal] = []
        items = [self._item(delta, event, exchange) for delta in deltas]
        for item, delta in zip(items, deltas, strict=True):
            item.call.add(delta, arguments_count=self._whole)
            item.call.done = item.call.done or string(event, "type").endswith(_WHOLE)
            refusal = await self._asked(item)
            if refusal is not None:
                refusals.append(refusal)
        if all(delta.path[:1] == ("response",) for delta in deltas):
            return Let((*_all_held(items), _without(text, event, deltas, items)), refusals)
        let = self._let_of_item(text, next((item for item in items if not item.call.allowed), items[0]))
        return Let(let.texts, (*refusals, *let.refusals))

    def _let_of_item(self, text: str, item: _Item | None) -> Let:
        if item is None:
            return Let((text,))
        if item.blocked:
            return Let()
        if item.call.allowed:
            return Let((*item.released(), text))
        item.held.append(text)
        item.held_characters += len(text)
        if item.held_characters <= MOST_HELD:
            return Let()
        note_blocked(item.exchange, item.call.tool_call(), _TOO_MUCH, answered=False)
        self._block(item)
        return Let((), (_TOO_MUCH,))

    async def _asked(self, item: _Item) -> Refusal | None:
        """Asks about a call of which enough is there; gives the refusal of one that is blocked by it."""
        call = item.call
        if item.blocked or call.allowed or not call.name or (self._whole and not call.done):
            return None
        refusal = await refusal_of(self._allow_tool, item.exchange, call.tool_call())
        if refusal is None:
            call.allowed = True
        else:
            self._block(item)
        return refusal

    def _block(self, item: _Item) -> None:
        item.blocked = True
        item.released()

    def _item(self, delta: CallDelta, event: Any, exchange: Exchange) -> _Item:
        id = _id_of(event, delta.path) or f"{string(event, 'response_id')}.{number(event, 'output_index')}"
        item = self._items.get(id)
        if item is None:
            item = self._items[id] = _Item(delta, exchange)
            if len(self._items) > MOST_CALLS:
                self._items.popitem(last=False)
        return item

    def _is_clients(self, event: Any, path: Path) -> bool:
        if not string(event, "type").startswith("conversation.item."):
            return False
        call = _told_by_client(member(event, "item"))
        if call is None or path != ("item",):
            return False
        # Where the client gave it no id, the upstream did.
        return call in self._clients or msgspec.structs.replace(call, id="") in self._clients


def _id_of(event: Any, path: Path) -> str:
    """Gives the id of the item that an event tells of at a path, or that it names beside."""
    if not path:
        return string(event, "item_id")
    value = event
    for key in path:
        value = value[key] if value.__class__ is list and key.__class__ is int else member(value, str(key))
    return string(value, "id")


def _told_by_client(item: Any) -> ToolCall | None:
    """Gives the call that an item is, by the id that results name it by alone."""
    call = call_of(item, 0)
    return None if call is None else msgspec.structs.replace(call, id=string(item, "call_id"))


def _all_held(items: Sequence[_Item]) -> list[str]:
    return [text for item in items if item.call.allowed for text in item.released()]


def _without(text: str, event: Any, deltas: Sequence[CallDelta], items: Sequence[_Item]) -> str:
    """Gives an event that tells of a whole response without its calls that may not go out."""
    gone = {delta.path[-1] for delta, item in zip(deltas, items, strict=True) if item.blocked or not item.call.allowed}
    if not gone:
        return text
    response = event["response"]
    output = [each for at, each in enumerate(response["output"]) if at not in gone]
    return json.dumps({**event, "response": {**response, "output": output}}, separators=(",", ":"))
