"""The conversation of `/v1/responses`: each `response.create` is a request as over HTTP, its reply a stream of one.

A `stream_id` keeps replies apart that come at the same time. A blocked call ends its reply with an error event, as
it ends a stream whose upstream cannot be told; what the upstream still says of that reply is kept back.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.answers import Amendment, Refusal, Retry
from gateway.exchange import Outcome
from gateway.formats import responses
from gateway.formats.strangers import decoded, elements, member, number, string
from gateway.guard import Out, StreamGuard
from gateway.guard.asking import refusal_of_stray
from gateway.hooks import Pending
from gateway.sse import Event, EventReader
from gateway.websocket.conversation import Passed
from gateway.websocket.errand import Errand, Handshake
from gateway.websocket.errors import error_event
from gateway.websocket.frames import (
    BINARY_EVENT,
    UNREADABLE,
    Message,
    carries_tools,
    may_be_event,
    may_tell,
    read_event,
)

MOST_ERRANDS = 64
"""So many may be under way, or wait, on one websocket."""
_CREATE, _STEER = "response.create", "response.steer"
_ASKS = (_CREATE, _STEER)
# A kind of event that is newer than this file may have tools in it too.
_READ = (*_ASKS, '"tools"')
_MISPLACED = Refusal(
    "On this websocket the members of a request stand beside its type.", code="misplaced_request", status=400
)
_TOO_MANY = Refusal(
    f"On one websocket {MOST_ERRANDS} responses may be under way.", code="too_many_responses", status=429
)


class ResponsesConversation:
    """Reads what is asked for, and the replies of each stream."""

    def __init__(self, handshake: Handshake) -> None:
        self._handshake = handshake
        self._pipeline = handshake.pipeline
        self._waiting: dict[str, deque[Errand]] = {}
        self._deciding: tuple[Errand, ...] = ()
        self._active: dict[str, Errand] = {}
        self._settings: OrderedDict[str, dict[str, Any]] = OrderedDict()

    @property
    def due(self) -> int | None:
        """When the first of what plugins hold has waited long enough."""
        times = (each.guard.due for each in self._active.values() if each.guard is not None)
        return min((time for time in times if time is not None), default=None)

    def ended(self, outcome: Outcome) -> None:
        """Records what is under way."""
        waiting = (each for those in self._waiting.values() for each in those)
        for errand in (*self._active.values(), *waiting, *self._deciding):
            errand.break_off(outcome)

    # The client's side.

    async def asked(self, message: Message) -> Passed:
        """Takes a message of the client; what is no request goes on as it came."""
        if isinstance(message, bytes):
            return self._refused(BINARY_EVENT) if may_be_event(message) else Passed((message,))
        if not may_tell(message, _READ):
            return Passed((message,))
        data = message.encode()
        event = read_event(data)
        if isinstance(event, Refusal):
            return self._refused(event)
        kind = string(event, "type")
        if kind != _CREATE and carries_tools(event):
            return self._refused(_MISPLACED)
        if kind not in _ASKS:
            return Passed((message,))
        errand = Errand(
            self._handshake,
            data,
            event,
            event_id=string(event, "event_id") or None,
            stream_id=string(event, "stream_id"),
        )
        self._deciding = (errand,)
        return await (self._created(errand, message) if kind == _CREATE else self._steered(errand, message))

    async def _created(self, errand: Errand, message: str) -> Passed:
        refusal = self._misshapen(errand) or await errand.decided() or errand.begin()
        if refusal is not None:
            return self._turned_away(errand, refusal)
        self._waiting.setdefault(errand.stream_id, deque()).append(errand)
        request = errand.exchange.request
        if request is errand.exchange.asked or request.body is None:
            return Passed((message,))
        return Passed((request.body.decode(),))

    async def _steered(self, errand: Errand, message: str) -> Passed:
        """Lets more input go to a response that is under way; it may say nothing but that."""
        refusal = self._misshapen(errand) or await errand.judged() or errand.begin() or await errand.end(None)
        return Passed((message,)) if refusal is None else self._turned_away(errand, refusal)

    def _misshapen(self, errand: Errand) -> Refusal | None:
        if "response" in errand.exchange.request.json:
            return _MISPLACED
        waiting = sum(map(len, self._waiting.values()))
        return _TOO_MANY if waiting + len(self._active) >= MOST_ERRANDS else None

    def _turned_away(self, errand: Errand, refusal: Refusal) -> Passed:
        errand.refuse(refusal)
        return Passed(back=(_said(errand, refusal),))

    def _refused(self, refusal: Refusal) -> Passed:
        return Passed(back=(error_event(refusal, self._handshake.exchange.id),))

    # The upstream's side.

    async def answered(self, message: Message) -> Passed:
        """Takes a message of the upstream; what belongs to a reply goes by its guard."""
        if isinstance(message, bytes):
            return self._unreadable() if may_be_event(message) else Passed((message,))
        data = message.encode()
        event = decoded(data)
        if event is msgspec.UNSET:
            return self._unreadable() if responses.may_call(data) else Passed((message,))
        errand = self._errand_of(event)
        if errand is not None:
            return Passed(tuple(await self._guarded(errand, message, data, event)))
        stray = refusal_of_stray(self._handshake.exchange, responses, data, event, streamed=True)
        return Passed((message,)) if stray is None else Passed((error_event(stray, self._handshake.exchange.id),))

    def _unreadable(self) -> Passed:
        return Passed((error_event(UNREADABLE, self._handshake.exchange.id),))

    async def overdue(self) -> Passed:
        """Gives the windows that plugins held long enough."""
        on: list[Message] = []
        for errand in tuple(self._active.values()):
            if errand.guard is not None:
                on += self._let_out(errand, await errand.guard.feed(()))
        return Passed(tuple(on))

    def _errand_of(self, event: Any) -> Errand | None:
        """Gives the errand whose reply an event is of; None for one that is of no reply."""
        kind, stream_id = string(event, "type"), string(event, "stream_id")
        errand = self._active.get(stream_id)
        if kind == "response.created":
            if errand is not None:
                errand.break_off("cut")
            return self._next(stream_id)
        steers = kind.startswith(_STEER)
        if errand is not None and not steers:
            return errand
        of_reply = not steers and (kind.startswith("response.") or bool(self._waiting.get(stream_id)))
        if of_reply or responses.event_calls(event):
            return errand or self._next(stream_id)
        return None

    def _next(self, stream_id: str) -> Errand:
        """Gives the errand that is answered next in a stream: where none waits, the upstream goes on by itself."""
        # An upstream that does not repeat the ids of streams answers in the order in which it was asked.
        asked_in = stream_id or ("" if "" in self._waiting else next(iter(self._waiting), ""))
        waiting = self._waiting.get(asked_in)
        errand = waiting.popleft() if waiting else self._successor(stream_id)
        errand.stream_id = stream_id
        if waiting is not None and not waiting:
            del self._waiting[asked_in]
        pipeline, sizes = self._pipeline, self._pipeline.sizes
        errand.guard = StreamGuard(
            errand.exchange,
            responses,
            pipeline.watch,
            pipeline.allow_tool,
            max_hold_ms=sizes.hold_ms,
            max_hold_chars=sizes.hold_characters,
            clock=pipeline.clock,
        )
        errand.answered()
        self._active[stream_id] = errand
        self._settings[stream_id] = _settings_of(errand.exchange.request.json)
        self._settings.move_to_end(stream_id)
        if len(self._settings) > MOST_ERRANDS:
            self._settings.popitem(last=False)
        return errand

    def _successor(self, stream_id: str) -> Errand:
        """Gives the errand of a reply that nobody asked for anew: it has the settings of the one before."""
        errand = Errand(self._handshake, None, self._settings.get(stream_id, {}), stream_id=stream_id)
        # It is under way already: what cannot be recorded of it is refused at its end.
        errand.begin()
        return errand

    async def _guarded(self, errand: Errand, message: str, data: bytes, event: Any) -> list[Message]:
        raw = _as_sent(data)
        out = Out() if errand.guard is None else await errand.guard.feed((Event(raw, data),))
        let_out: list[Message] = [message] if out.raw is raw and out.refusal is None else self._let_out(errand, out)
        if not responses.ends(data, event):
            return let_out
        if errand.stopped:
            self._active.pop(errand.stream_id, None)
            return let_out
        status = number(event, "status", 200)
        errand.note(b"".join(map(_written, let_out[-1:])), status)
        refusal = await self._reviewed(errand) or await errand.end(status)
        self._active.pop(errand.stream_id, None)
        if refusal is None:
            return let_out
        errand.refuse(refusal)
        return [*let_out[:-1], _said(errand, refusal)]

    def _let_out(self, errand: Errand, out: Out) -> list[Message]:
        """Gives what a guard lets out; from a refusal on that is nothing more."""
        found = list(_sent(out.raw))
        if out.refusal is not None:
            errand.refuse(out.refusal)
            found.append(_said(errand, out.refusal))
        return found

    async def _reviewed(self, errand: Errand) -> Refusal | None:
        """Asks the review about a reply that has gone out but for its end; only a refusal still counts."""
        for implementation in self._pipeline.review:
            answer = implementation.ask(errand.exchange)
            if isinstance(answer, Pending):
                answer = await answer
            if isinstance(answer, Refusal):
                return answer
            if isinstance(answer, Amendment | Retry):
                implementation.unusable(errand.exchange, "the stream is already going out")
        return None


def _settings_of(request: dict[str, Any]) -> dict[str, Any]:
    """Gives of a request what the replies behind its own have from it: its model, and all that offers tools."""
    settings: dict[str, Any] = {name: request[name] for name in ("model", "prompt", "tools") if name in request}
    carriers = [item for item in elements(request, "input") if member(item, "tools") is not None]
    return {**settings, "input": carriers} if carriers else settings


def _written(message: Message) -> bytes:
    return message.encode() if isinstance(message, str) else message


def _said(errand: Errand, refusal: Refusal) -> str:
    return error_event(refusal, errand.exchange.id, event_id=errand.event_id, stream_id=errand.stream_id)


def _as_sent(data: bytes) -> bytes:
    """Gives an event as a stream over HTTP has it, which is what the guard changes and joins."""
    return b"data: " + data.replace(b"\r", b" ").replace(b"\n", b"\ndata: ") + b"\n\n"


def _sent(raw: bytes) -> Iterator[Message]:
    """Gives the events of such a stream as texts."""
    if raw:
        for event in EventReader(max_event_bytes=len(raw)).feed(raw):
            if event.data is not None:
                yield event.data.decode()
