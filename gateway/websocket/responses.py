"""The conversation of `/v1/responses`: each `response.create` is a request as over HTTP, its reply a stream of one.

A `stream_id` keeps replies apart that come at the same time. A blocked call ends its reply with an error event, as
it ends a stream whose upstream cannot be told; what the upstream still says of that reply is kept back.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.answers import Refusal
from gateway.exchange import Outcome
from gateway.formats import responses
from gateway.formats.strangers import decoded, member, number, string
from gateway.guard import Out, StreamGuard
from gateway.guard.asking import refusal_of_stray
from gateway.late_review import reviewed_late
from gateway.sse import Event, EventReader
from gateway.websocket.conversation import Passed
from gateway.websocket.errand import Errand, Handshake
from gateway.websocket.errors import error_event
from gateway.websocket.frames import UNREADABLE, Message, carries_tools, may_be_event, read_message
from gateway.websocket.settled import Settled
from gateway.websocket.under_way import MOST_NOTED, begun, refusal_of_more

_CREATE, _STEER = "response.create", "response.steer"
_ASKS = (_CREATE, _STEER)
# More input is all that may be said to a response that is under way.
_OF_STEER = frozenset(("event_id", "input", "previous_response_id", "stream_id", "type"))
_MISPLACED = Refusal(
    "On this websocket the members of a request stand beside its type.", code="misplaced_request", status=400
)
_NOT_STEERED = Refusal(
    "A response that is under way takes `input` alone; what else it is to have is for the next `response.create`.",
    code="misplaced_request",
    status=400,
)


class ResponsesConversation:
    """Reads what is asked for, and the replies of each stream."""

    def __init__(self, handshake: Handshake) -> None:
        self._handshake = handshake
        self._pipeline = handshake.pipeline
        self._waiting: dict[str, deque[Errand]] = {}
        self._deciding: tuple[Errand, ...] = ()
        self._active: dict[str, Errand] = {}
        self._settled = Settled()

    @property
    def due(self) -> int | None:
        """When the first of what plugins hold has waited long enough."""
        times = (each.guard.due for each in self._active.values() if each.guard is not None)
        return min((time for time in times if time is not None), default=None)

    def ended(self, outcome: Outcome) -> None:
        """Records what is under way."""
        for errand in (*self._active.values(), *self._waiting_ones(), *self._deciding):
            errand.break_off(outcome)

    # The client's side.

    async def asked(self, message: Message) -> Passed:
        """Takes a message of the client; what is no request goes on as it came."""
        event = read_message(message, _ASKS)
        if isinstance(event, Refusal):
            return self._refused(event)
        if event is None or isinstance(message, bytes):
            return Passed((message,))
        kind = string(event, "type")
        if kind != _CREATE and carries_tools(event):
            return self._refused(_MISPLACED)
        if kind == _STEER and not _OF_STEER.issuperset(event):
            return self._refused(_NOT_STEERED)
        if kind not in _ASKS:
            return Passed((message,))
        errand = Errand(
            self._handshake,
            message.encode(),
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
        return refusal_of_more((*self._waiting_ones(), *self._active.values()), errand)

    def _waiting_ones(self) -> Iterator[Errand]:
        return (each for those in self._waiting.values() for each in those)

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
        del self._handshake.exchange.tools[MOST_NOTED:]
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
            return self._next(stream_id)
        fails, steers = kind == "error", kind.startswith(_STEER)
        failed = self._failed(event, stream_id) if fails else None
        if failed is not None:
            return failed
        if errand is not None and not (fails or steers):
            return errand
        if responses.event_calls(event) or (not steers and responses.event_pieces(event)):
            return errand or self._next(stream_id)
        # What comes late of a reply that has ended, and says nothing, begins no other.
        ends = not fails and responses.ends(b"", event) and self._asked_in(stream_id) in self._waiting
        return self._next(stream_id) if ends else None

    def _failed(self, event: Any, stream_id: str) -> Errand | None:
        """Gives the errand that an error is about: the one that it names, else the next one, else the one under way.

        The error of a reply has a place among its events; what has none is about a request that was not begun.
        """
        named = string(member(event, "error"), "event_id")
        active, waiting = self._active.get(stream_id), self._waiting.get(self._asked_in(stream_id), ())
        if named:
            of_all = (*self._active.values(), *self._waiting_ones())
            errand = next((each for each in of_all if each.event_id == named), None)
        else:
            of_reply = active is not None and member(event, "sequence_number").__class__ is int
            errand = active if of_reply or not waiting else waiting[0]
        if errand is not None and errand in self._waiting_ones():
            self._taken(errand)
            self._answered_by(errand)
        return errand

    def _asked_in(self, stream_id: str) -> str:
        # An upstream that does not repeat the ids of streams answers in the order in which it was asked.
        return stream_id or ("" if "" in self._waiting else next(iter(self._waiting), ""))

    def _next(self, stream_id: str) -> Errand:
        """Gives the errand that is answered next in a stream: where none waits, the upstream goes on by itself."""
        waiting = self._waiting.get(self._asked_in(stream_id))
        errand = self._taken(waiting[0]) if waiting else self._successor(stream_id)
        errand.stream_id = stream_id
        self._answered_by(errand)
        begun(self._active, stream_id, errand)
        self._settled.note(stream_id, errand)
        return errand

    def _taken(self, errand: Errand) -> Errand:
        """Takes an errand out of those that wait."""
        waiting = self._waiting[errand.stream_id]
        waiting.remove(errand)
        if not waiting:
            del self._waiting[errand.stream_id]
        return errand

    def _answered_by(self, errand: Errand) -> None:
        """Says that the reply of an errand begins, with the next event that is of it."""
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

    def _successor(self, stream_id: str) -> Errand:
        """Gives the errand of a reply that nobody asked for anew: it has the settings of the one before."""
        errand = Errand(self._handshake, None, self._settled.of(stream_id), stream_id=stream_id)
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
            self._over(errand)
            return let_out
        status = number(event, "status", 200)
        errand.note(b"".join(map(_written, let_out[-1:])), status)
        refusal = await reviewed_late(self._pipeline.review, errand.exchange) or await errand.end(status)
        self._over(errand)
        if refusal is None:
            return let_out
        errand.refuse(refusal)
        return [*let_out[:-1], _said(errand, refusal)]

    def _over(self, errand: Errand) -> None:
        """Forgets an errand; one that failed before its reply began is not the one under way in its stream."""
        if self._active.get(errand.stream_id) is errand:
            del self._active[errand.stream_id]

    def _let_out(self, errand: Errand, out: Out) -> list[Message]:
        """Gives what a guard lets out; from a refusal on that is nothing more."""
        found = list(_sent(out.raw))
        if out.refusal is not None:
            errand.refuse(out.refusal)
            found.append(_said(errand, out.refusal))
        return found


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
