"""The conversation of `/v1/realtime`: tools go out by `session.update` and `response.create`, calls come as items.

A blocked call is kept back and the session goes on: the client gets an error event in its place. What is spoken, and
the items that the client puts into the conversation, are not read.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.answers import Refusal
from gateway.exchange import Exchange, Outcome
from gateway.formats import responses
from gateway.formats.strangers import decoded, member, number, string
from gateway.splice import cut_out, put_in
from gateway.websocket.calls import RealtimeCalls
from gateway.websocket.conversation import Passed
from gateway.websocket.errand import Errand, Handshake
from gateway.websocket.errors import error_event
from gateway.websocket.frames import (
    UNREADABLE,
    Message,
    carries_tools,
    may_be_event,
    read_message,
    refusal_of_names,
)
from gateway.websocket.under_way import begun, refusal_of_more

_ITEM = "conversation.item.create"
# The member in which each event says what it asks for.
_ASKS = {"response.create": "response", "session.update": "session"}
_READ = (*_ASKS, _ITEM)
_TOOL_MEMBERS = ("tools", "functions", "tool_choice")
_MISPLACED = Refusal(
    "In a session the tools stand in the `session` or `response` of an event.", code="misplaced_request", status=400
)
_MISSHAPEN = Refusal("The `session` or `response` of an event must be an object.", code="invalid_request", status=400)
# The error of a request that names none of its members.
_BUSY = "conversation_already_has_active_response"


class RealtimeConversation:
    """Reads what is asked for, what tools the session has, and the calls of its responses."""

    due: int | None = None

    def __init__(self, handshake: Handshake) -> None:
        self._handshake = handshake
        self._calls = RealtimeCalls(handshake.pipeline.allow_tool)
        self._waiting: deque[Errand] = deque()
        self._deciding: tuple[Errand, ...] = ()
        self._active: OrderedDict[str, Errand] = OrderedDict()
        self._tools: list[Any] = []
        self._asked_tools: list[Any] | None = None

    async def overdue(self) -> Passed:
        """Gives nothing: what waits, waits for more of itself."""
        return Passed()

    def ended(self, outcome: Outcome) -> None:
        """Records what is under way."""
        for errand in (*self._active.values(), *self._waiting, *self._deciding):
            errand.break_off(outcome)

    # The client's side.

    async def asked(self, message: Message) -> Passed:
        """Takes a message of the client; what has no tools in it goes on as it came."""
        event = read_message(message, _READ)
        if isinstance(event, Refusal):
            return self._refused(event)
        if event is None or isinstance(message, bytes):
            return Passed((message,))
        kind = string(event, "type")
        asks_in = _ASKS.get(kind)
        beside = {name: value for name, value in event.items() if name != asks_in}
        if any(name in event for name in _TOOL_MEMBERS) or carries_tools(beside):
            return self._refused(_MISPLACED, event)
        if kind == _ITEM:
            self._calls.put_in(member(event, "item"))
        if asks_in is None:
            return Passed((message,))
        data, asked = message.encode(), event.get(asks_in)
        if not (asked is None or asked.__class__ is dict):
            return self._refused(_MISSHAPEN, event)
        misspelt = refusal_of_names(asked or {})
        if misspelt is not None:
            return self._refused(misspelt, event)
        body = b"{}" if asked is None else cut_out(data, (asks_in,))
        errand = Errand(self._handshake, body, asked or {}, event_id=string(event, "event_id") or None)
        return await self._sent(errand, message, data, kind)

    async def _sent(self, errand: Errand, message: str, data: bytes, kind: str) -> Passed:
        self._deciding = (errand,)
        refusal = refusal_of_more((*self._waiting, *self._active.values()), errand)
        refusal = refusal or await errand.decided() or errand.begin()
        if refusal is None and kind == "session.update":
            refusal = await errand.end(None)
        if refusal is not None:
            errand.refuse(refusal)
            return Passed(back=(error_event(refusal, errand.exchange.id, event_id=errand.event_id),))
        request = errand.exchange.request
        if kind == "response.create":
            self._waiting.append(errand)
        else:
            tools = member(request.json, "tools")
            self._asked_tools = tools if tools.__class__ is list else self._asked_tools
        if request is errand.exchange.asked or request.body is None:
            return Passed((message,))
        return Passed((put_in(data, (_ASKS[kind],), request.body).decode(),))

    def _refused(self, refusal: Refusal, event: Any = None) -> Passed:
        event_id = string(event, "event_id") or None
        return Passed(back=(error_event(refusal, self._handshake.exchange.id, event_id=event_id),))

    # The upstream's side.

    async def answered(self, message: Message) -> Passed:
        """Takes a message of the upstream; what tells of calls waits until they are allowed."""
        if isinstance(message, bytes):
            return self._unreadable() if may_be_event(message) else Passed((message,))
        data = message.encode()
        event = decoded(data)
        if event is msgspec.UNSET:
            return self._unreadable() if responses.may_call(data) else Passed((message,))
        kind = string(event, "type")
        if kind in ("session.created", "session.updated"):
            self._hear_tools(event)
        elif kind == "response.created":
            self._begin(string(member(event, "response"), "id"))
        elif kind == "error":
            await self._hear_error(event, data)
        let = await self._calls.let(message, data, event, self._exchange_of(event))
        said = [self._said(event, refusal) for refusal in let.refusals]
        if kind != "response.done":
            return Passed((*let.texts, *said))
        if not let.texts:
            self._response_refused(event, let.refusals)
            return Passed(said)
        return Passed((*let.texts[:-1], *said, await self._response_ended(event, let.texts[-1])))

    def _unreadable(self) -> Passed:
        return Passed((error_event(UNREADABLE, self._handshake.exchange.id),))

    def _hear_tools(self, event: Any) -> None:
        """Takes over which tools the session has by now: what the upstream says, else what was asked of it."""
        tools = member(member(event, "session"), "tools")
        if tools.__class__ is list:
            self._tools = tools
        elif self._asked_tools is not None:
            self._tools = self._asked_tools

    def _begin(self, id: str) -> None:
        """Binds a response to what asked for it; one that nobody asked for is the session's own, as after speech."""
        if self._waiting:
            errand = self._waiting.popleft()
        else:
            errand = Errand(self._handshake, None, {})
            # It is under way already: what cannot be recorded of it is refused at its end.
            errand.begin()
        errand.answered()
        own = member(errand.exchange.request.json, "tools")
        errand.exchange.made_with = [] if own.__class__ is list else self._tools
        begun(self._active, id, errand)

    async def _hear_error(self, event: Any, data: bytes) -> None:
        """Ends the request that an error is about, and that it names, or is of, the oldest that has no name."""
        error = member(event, "error")
        named = string(error, "event_id") or None
        if named is None and not _is_of_response(error):
            return
        errand = next((each for each in self._waiting if each.event_id == named), None)
        if errand is not None:
            status = number(event, "status", 400)
            errand.note(data, status)
            await errand.end(status)
            self._waiting.remove(errand)

    def _exchange_of(self, event: Any) -> Exchange:
        """Gives the exchange that an event is of; one of no response is of the session itself."""
        id = string(event, "response_id") or string(member(event, "response"), "id")
        errand = self._active.get(id) if id else next(reversed(self._active.values()), None)
        if errand is not None:
            return errand.exchange
        exchange = self._handshake.exchange
        exchange.made_with = self._tools
        return exchange

    def _response_refused(self, event: Any, refusals: Sequence[Refusal]) -> None:
        """Records a response whose last event is kept back."""
        errand = self._active.pop(string(member(event, "response"), "id"), None)
        if errand is not None and refusals:
            errand.refuse(refusals[0])

    async def _response_ended(self, event: Any, last: str) -> str:
        """Records a response before its last event goes out; without a record an error goes out in its place."""
        id = string(member(event, "response"), "id")
        errand = self._active.get(id)
        if errand is None:
            return last
        errand.note(last.encode())
        refusal = await errand.end()
        del self._active[id]
        return last if refusal is None else error_event(refusal, errand.exchange.id, event_id=errand.event_id)

    def _said(self, event: Any, refusal: Refusal) -> str:
        return error_event(refusal, self._exchange_of(event).id)


def _is_of_response(error: Any) -> bool:
    """Whether an error that names no event is of a request: a session has errors of sound and of items too."""
    param = string(error, "param")
    return param == "response" or param.startswith("response.") or string(error, "code") == _BUSY
