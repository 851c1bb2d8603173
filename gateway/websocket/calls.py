"""The calls of a realtime session: what is told of a call waits until it is allowed, and of a blocked one goes nowhere.

A call is one item of the conversation, known by its id, whichever event tells of it.
"""

import json
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from hashlib import sha256
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
from gateway.websocket.under_way import MOST_NOTED

MOST_CALLS = 256
"""So many are remembered; what is told again of one that is forgotten is asked about again."""
MOST_HELD = 4 << 20
"""So many characters are kept of all calls of a session: of events that wait, and of arguments."""
_TOO_MUCH = Refusal("Too much of a call had to wait for the checks of this gateway.", "too_much_held", 502)
_WHOLE = (".done", ".retrieved")


class Let(msgspec.Struct, frozen=True):
    """What may go out of an event, ahead of it what waited for the same verdict; and the refusals of calls in it."""

    texts: Sequence[str] = ()
    refusals: Sequence[Refusal] = ()


class _Item:
    """A call as far as it was told, with the events that wait for its verdict."""

    __slots__ = ("blocked", "call", "exchange", "held", "held_characters", "told_characters")

    def __init__(self, delta: CallDelta, exchange: Exchange) -> None:
        self.call = Call(delta)
        self.exchange = exchange
        self.blocked = False
        self.held: list[str] = []
        self.held_characters = 0
        self.told_characters = 0

    @property
    def may_be_forgotten(self) -> bool:
        return (self.blocked or self.call.allowed) and not self.held

    @property
    def kept(self) -> int:
        return self.held_characters + self.told_characters

    def add(self, delta: CallDelta, *, arguments_count: bool) -> None:
        if self.blocked:
            return
        self.call.add(delta, arguments_count=arguments_count)
        self.told_characters = len(delta.arguments) + (0 if delta.whole else self.told_characters)
        if self.call.allowed and not arguments_count:
            self.without_arguments()

    def without_arguments(self) -> None:
        self.call.arguments.clear()
        self.told_characters = 0

    def hold(self, text: str) -> None:
        self.held.append(text)
        self.held_characters += len(text)

    def released(self) -> list[str]:
        held, self.held, self.held_characters = self.held, [], 0
        return held

    def block(self) -> None:
        self.blocked = True
        self.released()
        self.without_arguments()
        del self.exchange.tools[MOST_NOTED:]


class RealtimeCalls:
    """Asks about the calls of one session, each once, and again where more becomes known of it."""

    def __init__(self, allow_tool: tuple[Implementation, ...]) -> None:
        self._allow_tool = allow_tool
        self._whole = any(each.needs == "arguments" for each in allow_tool)
        self._items: OrderedDict[str, _Item] = OrderedDict()
        self._put_in: deque[bytes] = deque(maxlen=MOST_CALLS)
        self._clients: deque[bytes] = deque(maxlen=MOST_CALLS)

    @property
    def kept(self) -> int:
        """How many characters of calls are kept."""
        return sum(item.kept for item in self._items.values())

    def put_in(self, item: Any) -> None:
        """Takes note of a call that the client itself puts into the conversation, and will be told of."""
        call = call_of(item, 0)
        if call is not None:
            self._put_in.append(_digest(call, string(item, "id"), string(item, "call_id")))

    async def let(self, text: str, data: bytes, event: Any, exchange: Exchange) -> Let:
        """Gives what may go out of an event, given as text, bytes and JSON values.

        `exchange` is that of the response which it is of.
        """
        if not responses.may_hold_call(data):
            return Let((text,))
        stray = refusal_of_stray(exchange, responses, data, event, streamed=True)
        if stray is not None:
            del exchange.tools[MOST_NOTED:]
            return Let((), (stray,))
        deltas = [delta for delta in responses.event_calls(event) if not self._is_clients(event, delta.path)]
        if not deltas:
            return self._let_of_item(text, self._items.get(_id_of(event, ("item",)) or string(event, "item_id")))
        refusals: list[Refusal] = []
        items: list[_Item] = []
        for delta in deltas:
            item = self._item(delta, event, exchange, refusals)
            items.append(item)
            item.add(delta, arguments_count=self._whole)
            item.call.done = item.call.done or string(event, "type").endswith(_WHOLE)
            refusal = await self._asked(item) or self._refusal_of_too_much(item)
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
        item.hold(text)
        refusal = self._refusal_of_too_much(item)
        return Let() if refusal is None else Let((), (refusal,))

    async def _asked(self, item: _Item) -> Refusal | None:
        """Asks about a call of which enough is there; gives the refusal of one that is blocked by it."""
        call = item.call
        if item.blocked or call.allowed or not call.name or (self._whole and not call.done):
            return None
        refusal = await refusal_of(self._allow_tool, item.exchange, call.tool_call())
        if refusal is not None:
            item.block()
            return refusal
        call.allowed = True
        if not self._whole:
            item.without_arguments()
        return None

    def _item(self, delta: CallDelta, event: Any, exchange: Exchange, refusals: list[Refusal]) -> _Item:
        id = _id_of(event, delta.path) or f"{string(event, 'response_id')}.{number(event, 'output_index')}"
        item = self._items.get(id)
        if item is None:
            if len(self._items) >= MOST_CALLS:
                refusals += self._forget_one()
            item = self._items[id] = _Item(delta, exchange)
        return item

    def _forget_one(self) -> Iterator[Refusal]:
        """Forgets a call that was decided; where none was, the oldest, whose refusal it gives."""
        id = next((id for id, item in self._items.items() if item.may_be_forgotten), None)
        if id is not None:
            del self._items[id]
            return
        _, oldest = self._items.popitem(last=False)
        yield _refused(oldest)

    def _refusal_of_too_much(self, latest: _Item) -> Refusal | None:
        """Forgets calls that were decided where too much is kept; gives the refusal of the latest if none is left."""
        over = self.kept - MOST_HELD
        if over <= 0:
            return None
        for id, item in tuple(self._items.items()):
            if item.may_be_forgotten:
                del self._items[id]
                over -= item.kept
        return None if over <= 0 or latest.blocked or latest.call.allowed else _refused(latest)

    def _is_clients(self, event: Any, path: Path) -> bool:
        """Whether an event tells the client of a call that it put in, which is one item from then on."""
        if path != ("item",) or not (self._put_in or self._clients):
            return False
        item = member(event, "item")
        call = call_of(item, 0)
        if call is None or not string(event, "type").startswith("conversation.item."):
            return False
        id, call_id = string(item, "id"), string(item, "call_id")
        told = _digest(call, id, call_id)
        if told in self._clients:
            return True
        # What a model calls has been told of in its response by now.
        if id in self._items:
            return False
        # Where the client gave it no id, the upstream did.
        for ids in ((id, call_id), (id, ""), ("", call_id), ("", "")):
            put = _digest(call, *ids)
            if put in self._put_in:
                self._put_in.remove(put)
                self._clients.append(told)
                return True
        return False


def _refused(item: _Item) -> Refusal:
    note_blocked(item.exchange, item.call.tool_call(), _TOO_MUCH, answered=False)
    item.block()
    return _TOO_MUCH


def _id_of(event: Any, path: Path) -> str:
    """Gives the id of the item that an event tells of at a path, or that it names beside."""
    if not path:
        return string(event, "item_id")
    value = event
    for key in path:
        value = value[key] if value.__class__ is list and key.__class__ is int else member(value, str(key))
    return string(value, "id")


def _digest(call: ToolCall, id: str, call_id: str) -> bytes:
    """Gives what tells one call that a client puts in from others, however long it is."""
    told = msgspec.structs.replace(call, id="")
    return sha256(repr((id, call_id, told)).encode("utf-8", "surrogatepass")).digest()


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
