"""Guards a reply that is streamed: events wait in one queue until all that is in them may go out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from json import dumps
from time import monotonic_ns
from typing import Any

import msgspec

from gateway.answers import Change, Insert, Path, Refusal, Set, ToolCall
from gateway.exchange import Exchange
from gateway.formats import Format
from gateway.formats.found import Piece
from gateway.formats.seams import Seam
from gateway.formats.strangers import decoded
from gateway.guard.asking import UNREADABLE, refusal_for, refusal_of_stray
from gateway.guard.calls import Call, Calls
from gateway.guard.texts import Part, Parts, Texts
from gateway.guard.withheld import Withheld
from gateway.hooks import Implementation
from gateway.splice import spliced
from gateway.sse import Event, is_odd, parsed, with_data

MAX_HELD_BYTES = 32 * 1024 * 1024

_UNREADABLE = Refusal(
    "The upstream sent an event that is not JSON, so that the checks of this gateway could not read it.",
    code="unreadable_event",
    status=502,
)
_TOO_MUCH = Refusal(
    "Too much of the reply had to wait for the checks of this gateway.", code="too_much_held", status=502
)


class Out(msgspec.Struct, frozen=True):
    """Bytes that may go out now, and then, where there is a refusal, the end of the stream."""

    raw: bytes = b""
    refusal: Refusal | None = None


NOTHING = Out()


class _Waiting:
    """An event in the queue, with the texts and calls in it; `paths` lead to those calls."""

    __slots__ = ("calls", "event", "json", "paths", "texts")

    def __init__(
        self,
        event: Event,
        json: Any,
        texts: Sequence[tuple[Piece, Parts]],
        calls: Sequence[Call],
        paths: Sequence[Path] = (),
    ) -> None:
        self.event = event
        self.json = json
        self.texts = texts
        self.calls = calls
        self.paths = paths

    @property
    def ready(self) -> bool:
        for call in self.calls:
            if not (call.allowed or call.withheld):
                return False
        for _, parts in self.texts:
            for part in parts:
                if part.released is None:
                    return False
        return True

    def parts(self) -> Iterator[Part]:
        return (part for _, parts in self.texts for part in parts)

    def raw(self) -> bytes:
        """Gives the event as it came, or with the texts that go out in the place of its own."""
        changes = self.redactions()
        if not changes:
            return self.event.raw
        return with_data(self.event, _changed(self.event.data or b"", self.json, changes))

    def redactions(self) -> list[Change]:
        """Gives the changes that put the texts that go out in the place of its own."""
        changes: list[Change] = []
        for piece, parts in self.texts:
            text = parts[0].released if len(parts) == 1 else "".join(part.released or "" for part in parts)
            if text != piece.text:
                changes += (Set(piece.path, text), *piece.along)
        return changes

    def joined(self, seam: Seam, *, goes_on: bool) -> bytes:
        """Gives the event as one of the stream of all steps, nothing where it is none."""
        redactions = self.redactions()
        data = self.event.data or b""
        if redactions:
            data = _changed(data, self.json, redactions)
        removed = [path for call, path in zip(self.calls, self.paths, strict=True) if call.withheld]
        changes = seam.changes(self.json, removed, goes_on=goes_on)
        if changes is None:
            return b""
        if changes:
            data = _changed(data, self.json, changes)
        return with_data(self.event, data) if redactions or changes else self.event.raw


class StreamGuard:
    """Takes the events of one stream and gives the bytes that may go out: those that came, where nothing was changed.

    Ask `feed` again, with no events, when the clock passes `due`. After a refusal nothing more goes out. `loops` says
    that calls may be withheld and another step follow; `begin_seam` is asked for what makes one stream of the steps,
    with the bytes that go out before, as soon as that is needed, and `seam` is the one of the steps before.
    """

    def __init__(
        self,
        exchange: Exchange,
        format: Format,
        watch: tuple[Implementation, ...],
        allow_tool: tuple[Implementation, ...],
        *,
        whole_calls: bool = False,
        max_hold_ms: int = 1000,
        max_hold_chars: int = 4000,
        max_held_bytes: int = MAX_HELD_BYTES,
        clock: Callable[[], int] = monotonic_ns,
        loops: bool = False,
        seam: Seam | None = None,
        begin_seam: Callable[[bytes], Seam | None] = lambda before: None,
    ) -> None:
        whole = whole_calls or any(each.needs == "arguments" for each in allow_tool)
        self._exchange = exchange
        exchange.made_with = None
        self._format = format
        self._may_call = format.may_call
        self._watches = bool(watch)
        self._governs = bool(allow_tool) or whole_calls or bool(exchange.hosted)
        self._texts = Texts(exchange, watch, clock, max_hold_ms * 1_000_000, max_hold_chars, format.repeats)
        self._calls = Calls(exchange, allow_tool, whole, loops)
        self._seam = seam
        self._begin_seam = begin_seam
        self._max_held_bytes = max_held_bytes
        self._queue: list[_Waiting] = []
        self._unjudged: tuple[_Waiting, Refusal] | None = None
        self._stopped = False
        self._cut_short = False
        self.held_bytes = 0
        self.ended = False

    @property
    def due(self) -> int | None:
        """The time of the clock, in ns, at which what is held has waited long enough; None where nothing is held."""
        return None if self._stopped else self._texts.due

    @property
    def is_calm(self) -> bool:
        """Whether events without a call may pass unread, and at once."""
        return not self._queue and self._reads_calls_alone

    @property
    def _reads_calls_alone(self) -> bool:
        """Whether events without a call need not be read, whatever waits ahead of them."""
        return not (self._watches or self._seam is not None or self._calls.waits or self._stopped)

    @property
    def goes_on(self) -> bool:
        """Whether the turn, as far as it came, asks for another step: no call of it is the client's."""
        return self._calls.withholds and not self._cut_short and not self._calls.delivers

    @property
    def is_mixed(self) -> bool:
        """Whether the client gets some calls of the turn, and not the others."""
        return self._calls.withholds and not self._cut_short and self._calls.delivers

    @property
    def delivered(self) -> list[ToolCall]:
        """The calls that the client gets, of each id one."""
        return self._calls.delivered

    async def turn(self) -> list[Withheld]:
        """Gives the calls that the client does not get, when the stream has ended."""
        return await self._calls.turn()

    async def feed(self, events: Iterable[Event]) -> Out:
        """Takes events and gives what may go out."""
        if self._stopped:
            return NOTHING
        for event in events:
            self.held_bytes += len(event.raw)
            self._take(event)
        return await self._settle()

    async def finish(self, rest: bytes = b"", *, broken: bool = False) -> Out:
        """Ends the stream, with what came behind its last complete event.

        All that waits is asked about as the last. `broken` says that the upstream did not come to the end: then a
        call that was not complete enough to ask about does not go out.
        """
        if self._stopped:
            return NOTHING
        if rest:
            self._take(parsed(rest))
        self._texts.end()
        if not broken:
            self._calls.end()
        out = await self._settle()
        self._stopped = True
        if out.refusal is None and self.ended and not self.goes_on:
            return Out(out.raw, _UNREADABLE)
        return out

    def _take(self, event: Event) -> None:
        # Asked of all bytes: some readers find an event in what is none.
        if self._reads_calls_alone and not self._may_call(event.raw):
            self._queue.append(_Waiting(event, None, (), ()))
            return
        may_call = self._governs and self._format.may_hold_call(event.raw)
        odd = may_call and is_odd(event)
        if event.data is None or odd:
            self._queue.append(_Waiting(event, None, (), ()))
            if odd:
                self._unjudged = self._unjudged or (self._queue[-1], UNREADABLE)
            return
        json = decoded(event.data)
        value = None if json is msgspec.UNSET else json
        refusal = self._refusal_of_event(event.data, json) if may_call or json is msgspec.UNSET else None
        if refusal is not None:
            self._queue.append(_Waiting(event, value, (), ()))
            self._unjudged = self._unjudged or (self._queue[-1], refusal)
            return
        if self._exchange.made_with is None:
            self._exchange.made_with = self._format.made_with(value)
        pieces = self._format.event_pieces(value) if self._watches else ()
        texts = [(piece, self._texts.take(piece)) for piece in pieces]
        deltas = self._format.event_calls(value) if may_call else ()
        calls = [self._calls.take(delta) for delta in deltas]
        self._queue.append(_Waiting(event, value, texts, calls, [delta.path for delta in deltas]))
        for choice in self._format.ended_choices(value):
            self._texts.end(choice)
            self._calls.end(choice)
        if self._format.ends(event.data, value):
            self._texts.end()
            self._calls.end()

    def _refusal_of_event(self, data: bytes, json: Any) -> Refusal | None:
        """Gives the refusal of an event that cannot be judged, None for any other."""
        if json is msgspec.UNSET:
            unread = data.strip() and self._format.name != "plain" and not self._format.ends(data, None)
            return _UNREADABLE if unread else None
        return refusal_of_stray(self._exchange, self._format, data, json, streamed=True)

    async def _settle(self) -> Out:
        cuts, refusals = await self._texts.ask(), await self._calls.ask()
        if cuts or refusals or self._unjudged is not None:
            stops = [(self._place_of(part), refusal_for(cut)) for part, cut in cuts]
            stops += [(self._place_of(call), refusal) for call, refusal in refusals]
            if self._unjudged is not None:
                waiting, refusal = self._unjudged
                stops.append((self._queue.index(waiting), refusal))
            return await self._stop(*min(stops, key=lambda stop: stop[0]))
        out = self._released()
        if out.refusal is None and self.held_bytes > self._max_held_bytes:
            self._stopped = True
            return Out(out.raw, _TOO_MUCH)
        return out

    async def _stop(self, place: int, refusal: Refusal) -> Out:
        """Ends the stream before the event at this place; what stands ahead of it is asked about as the last."""
        self._stopped = True
        del self._queue[place:]
        self._texts.keep(part for waiting in self._queue for part in waiting.parts())
        self._texts.end()
        for part, cut in await self._texts.ask():
            earlier = self._place_of(part)
            if earlier < place:
                place, refusal = earlier, refusal_for(cut)
        del self._queue[place:]
        return Out(self._released().raw, refusal)

    def _released(self) -> Out:
        released: list[bytes] = []
        gone = 0
        for waiting in self._queue:
            if not waiting.ready:
                break
            if self._seam is None and any(call.withheld for call in waiting.calls):
                self._seam = self._begin_seam(b"".join(released))
                if self._seam is None:
                    self._stopped = True
                    return Out(b"".join(released), _TOO_MUCH)
            released.append(waiting.raw() if self._seam is None else self._joined(waiting, self._seam))
            self.held_bytes -= len(waiting.event.raw)
            gone += 1
        del self._queue[:gone]
        return Out(released[0] if len(released) == 1 else b"".join(released)) if gone else NOTHING

    def _joined(self, waiting: _Waiting, seam: Seam) -> bytes:
        """Gives an event as one of the stream of all steps; the end of a step that is not the last does not go out."""
        data = waiting.event.data
        if data is None:
            return waiting.event.raw
        self._cut_short = self._cut_short or self._format.cut_short(waiting.json)
        goes_on = self.goes_on
        self.ended = self.ended or (goes_on and self._format.ends(data, waiting.json))
        return waiting.joined(seam, goes_on=goes_on)

    def _place_of(self, wanted: Part | Call) -> int:
        for at, waiting in enumerate(self._queue):
            if any(wanted is call for call in waiting.calls) or any(wanted is part for part in waiting.parts()):
                return at
        return 0


def _changed(data: bytes, json: Any, changes: list[Change]) -> bytes:
    """Gives the event's JSON with the changes, in place where that is safe.

    A member that stands twice in its object is changed in the first place and read in the last, so the result is
    read once more, and written anew where it does not say what it should.
    """
    for change in changes:
        _make(json, change)
    try:
        changed = spliced(data, changes)
    except (ValueError, RecursionError):
        changed = b""
    return changed if decoded(changed) == json else dumps(json, separators=(",", ":")).encode()


def _make(json: Any, change: Change) -> None:
    """Makes a change in JSON values, as `spliced` does in their text."""
    holder: Any = json
    last: Any = change.path[-1]
    for key in change.path if isinstance(change, Insert) else change.path[:-1]:
        holder = holder[key]
    if isinstance(change, Set):
        holder[last] = change.value
    elif isinstance(change, Insert):
        holder.insert(change.at, change.value)
    elif holder.__class__ is list or last in holder:
        del holder[last]
