"""The texts of a stream that wait for a verdict, each with those of its choice and channel."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeAlias

from gateway.answers import Cut, Hold, Redact, Window
from gateway.exchange import Exchange
from gateway.formats.found import Channel, Piece
from gateway.guard.asking import verdict_on
from gateway.hooks import Implementation

BEFORE_CHARS = 200
_PARTS_KEPT_APART = 256


class Part:
    """A text of one event; `released` is what goes out in its place, None while it waits."""

    __slots__ = ("released", "text")

    def __init__(self, text: str, released: str | None = None) -> None:
        self.text = text
        self.released = released


Parts: TypeAlias = tuple[Part, ...]


class _Lane:
    """The texts that follow on each other in one choice and channel."""

    __slots__ = ("before", "channel", "choice", "ended", "fresh", "since", "waiting")

    def __init__(self, choice: int, channel: Channel) -> None:
        self.choice = choice
        self.channel = channel
        self.before = ""
        self.waiting: list[Part] = []
        self.since = 0
        self.fresh = False
        self.ended = False

    def window(self, last: bool) -> Window:
        text = self.waiting[0].text if len(self.waiting) == 1 else "".join(part.text for part in self.waiting)
        return Window(text, self.before, self.channel, self.choice, last)

    def release(self, text: str | None) -> None:
        """Lets all go out: as it is, or this text in the place of the first and nothing for the others."""
        for part in self.waiting:
            part.released = part.text if text is None else text
            self.before = (self.before + part.released)[-BEFORE_CHARS:]
            text = text if text is None else ""
        self.waiting = []


class Texts:
    """Takes the texts of a stream in their order, and asks about what waits.

    A window is held until `max_hold_ns` after its first text came, or until it has more than `max_hold_chars`; then
    it is asked about as if it were the last. `repeats` says that the format tells texts again as wholes.
    """

    def __init__(
        self,
        exchange: Exchange,
        watch: tuple[Implementation, ...],
        clock: Callable[[], int],
        max_hold_ns: int,
        max_hold_chars: int,
        repeats: bool,
    ) -> None:
        self._exchange = exchange
        self._watch = watch
        self._clock = clock
        self._max_hold_ns = max_hold_ns
        self._max_hold_chars = max_hold_chars
        self._repeats = repeats
        self._lanes: dict[Hashable, _Lane] = {}
        self._held: dict[Hashable, _Lane] = {}
        self._said: dict[Hashable, list[Part]] = {}

    @property
    def due(self) -> int | None:
        """The time of the clock at which what is held has waited long enough, None where nothing is."""
        if not self._held:
            return None
        return min(lane.since for lane in self._held.values()) + self._max_hold_ns

    def take(self, piece: Piece) -> Parts:
        """Gives the parts whose released texts make up what goes out for this piece."""
        if not self._repeats:
            return (self._waiting(piece, piece.text),)
        said = self._said.setdefault((piece.choice, piece.place), [])
        if not piece.whole:
            _compact(said)
            said.append(self._waiting(piece, piece.text))
            return (said[-1],)
        before = "".join(part.text for part in said)
        if not piece.text.startswith(before):
            # Not what was told before: another text, to be asked about as a whole.
            said.clear()
            before = ""
        if len(before) < len(piece.text):
            said.append(self._waiting(piece, piece.text[len(before) :]))
        return tuple(said)

    def _waiting(self, piece: Piece, text: str) -> Part:
        key = (piece.choice, piece.channel, piece.lane)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(piece.choice, piece.channel)
        if not lane.waiting:
            lane.since = self._clock()
            lane.ended = False
            self._held[key] = lane
        part = Part(text)
        lane.waiting.append(part)
        lane.fresh = True
        return part

    def end(self, choice: int | None = None) -> None:
        """Says that nothing follows in a choice, or in any."""
        for lane in self._held.values():
            if choice is None or lane.choice == choice:
                lane.ended = True

    def keep(self, parts: Iterable[Part]) -> None:
        """Forgets all that waits but these."""
        kept = {id(part) for part in parts}
        for lane in self._held.values():
            lane.waiting = [part for part in lane.waiting if id(part) in kept]
        self._held = {key: lane for key, lane in self._held.items() if lane.waiting}

    async def ask(self) -> list[tuple[Part, Cut]]:
        """Asks about every lane that has something new to ask; gives what was cut, with the first part of it."""
        cuts: list[tuple[Part, Cut]] = []
        if not self._held:
            return cuts
        for lane in self._held.values():
            if lane.fresh or lane.ended or self._overdue(lane):
                first = lane.waiting[0]
                if cut := await self._ask(lane):
                    cuts.append((first, cut))
                lane.fresh = False
        self._held = {key: lane for key, lane in self._held.items() if lane.waiting}
        return cuts

    async def _ask(self, lane: _Lane) -> Cut | None:
        last = lane.ended or (not lane.fresh and self._overdue(lane))
        window = lane.window(last)
        verdict = await verdict_on(self._watch, self._exchange, window)
        if isinstance(verdict, Hold) and (len(window.text) > self._max_hold_chars or self._overdue(lane)):
            verdict = await verdict_on(self._watch, self._exchange, lane.window(last=True))
        if isinstance(verdict, Cut):
            return verdict
        if not isinstance(verdict, Hold):
            lane.release(verdict.text if isinstance(verdict, Redact) else None)
        return None

    def _overdue(self, lane: _Lane) -> bool:
        return self._clock() - lane.since >= self._max_hold_ns


def _compact(said: list[Part]) -> None:
    """Makes one part of many that went out, so that a long stream does not keep an object for each event."""
    if len(said) >= _PARTS_KEPT_APART and said[-1].released is not None:
        released = [part.released for part in said if part.released is not None]
        if len(released) == len(said):
            said[:] = [Part("".join(part.text for part in said), "".join(released))]
