"""Where plugins tell each other of signals beside the exchange: whoever publishes knows nobody who listens.

Each process has a bus of its own, for the thread of its event loop. A handler that raises is counted and logged, and
harms neither the publisher nor the other handlers.
"""

import heapq
import logging
from collections import deque
from collections.abc import Callable
from time import time_ns
from typing import NamedTuple, TypeAlias

from gateway.answers import Signals
from gateway.exchange import Exchange
from policies.modulation.homeostasis import STABILIZE, Emission
from policies.modulation.signals import SIGNALS, SignalError, checked_level

_LOG = logging.getLogger(__name__)
EVERY = "*"
"""The name under which a handler hears all signals."""
NAMES: tuple[str, ...] = (*SIGNALS, STABILIZE)
TTL_MS = 5000
"""For how long a signal of an exchange stands on the bus."""
MOST_HANDLERS = 100
MOST_AT_ONCE = 100
"""Signals that follow from one another while handlers are told; one more is dropped and counted."""
MOST_ACTIVE = 1000
"""Signals of one name that are counted as active; with more, those that end last."""
Handler: TypeAlias = Callable[[Emission], object]


class Told(NamedTuple):
    """What became of signals since it was asked last, by name; `raised` and `dropped` count what went wrong."""

    published: dict[str, int]
    raised: int
    dropped: int


class SignalBus:
    """Hands each signal that is published to the handlers of its name; times in ms since the epoch.

    `heard` says whether anybody listens.
    """

    def __init__(self, now_ms: Callable[[], int] = lambda: time_ns() // 1_000_000) -> None:
        self.heard = False
        self._now_ms = now_ms
        self._handlers: dict[str, tuple[Handler, ...]] = {}
        self._waiting: deque[Emission] = deque()
        self._telling = False
        self._ends: dict[str, list[int]] = {name: [] for name in NAMES}
        self._published: dict[str, int] = {}
        self._raised = self._dropped = 0

    def subscribe(self, name: str, handler: Handler) -> Callable[[], None]:
        """Tells `handler` of each signal of this name, or of all (`*`); gives what ends that.

        A handler is a quick `def`: whoever publishes waits for it. Errors: SignalError for a name that there is not,
        and for one handler too many.
        """
        if name != EVERY and name not in NAMES:
            raise SignalError(f"Unknown signal {name[:100]!r}; known: {', '.join(NAMES)}, and * for all of them.")
        if sum(map(len, self._handlers.values())) >= MOST_HANDLERS:
            raise SignalError(f"The bus has {MOST_HANDLERS} handlers already.")
        self._handlers[name] = (*self._handlers.get(name, ()), handler)
        self.heard = True

        def end() -> None:
            left = list(self._handlers[name])
            if handler in left:
                left.remove(handler)
            self._handlers[name] = tuple(left)
            self.heard = any(self._handlers.values())

        return end

    def publish(self, signal: Emission) -> None:
        """Tells the handlers in the order in which they came, those of the name before those of all.

        A level outside [0, 1] is clamped. What a handler publishes meanwhile comes after. Errors: SignalError for a
        name that there is not, and for a level that is no number.
        """
        signal = _checked(signal)
        if len(self._waiting) >= MOST_AT_ONCE:
            self._dropped += 1
            return
        self._waiting.append(signal)
        if not self._telling:
            self._telling = True
            try:
                self._tell_all()
            finally:
                self._waiting.clear()
                self._telling = False

    def publish_observed(self, exchange: Exchange) -> None:
        """Publishes what plugins read off an exchange, each level with the plugin that found it."""
        for step in exchange.trail:
            if step.hook == "observe" and isinstance(step.answer, Signals) and step.answer.applied:
                for name, level in step.answer.levels.items():
                    if name in SIGNALS and level > 0:
                        self.publish(
                            Emission(name, level, TTL_MS, step.plugin, exchange.id, exchange.arrived // 1_000_000)
                        )

    def active(self) -> dict[str, int]:
        """Gives how many signals there are whose time is not over, by name; names without any are left out."""
        now_ms = self._now_ms()
        return {name: count for name, ends in self._ends.items() if ends and (count := _standing(ends, now_ms))}

    def told(self) -> Told:
        """Gives what happened since it was asked last."""
        told = Told(self._published, self._raised, self._dropped)
        self._published, self._raised, self._dropped = {}, 0, 0
        return told

    def _tell_all(self) -> None:
        for _ in range(MOST_AT_ONCE):
            if not self._waiting:
                return
            self._tell(self._waiting.popleft())
        self._dropped += len(self._waiting)

    def _tell(self, signal: Emission) -> None:
        self._published[signal.name] = self._published.get(signal.name, 0) + 1
        ends = self._ends[signal.name]
        heapq.heappush(ends, signal.ts_ms + signal.ttl_ms)
        if len(ends) > MOST_ACTIVE:
            heapq.heappop(ends)
        for handler in (*self._handlers.get(signal.name, ()), *self._handlers.get(EVERY, ())):
            try:
                handler(signal)
            except (Exception, SystemExit, KeyboardInterrupt):  # noqa: BLE001 - handlers are strangers
                self._raised += 1
                _LOG.warning("A handler of the signal %s raised.", signal.name, exc_info=True)


def _checked(signal: Emission) -> Emission:
    if signal.name == STABILIZE and signal.level == signal.level:
        level = min(max(signal.level, 0.0), 1.0)
    else:
        level = checked_level(signal.name, signal.level)
    if level == signal.level:
        return signal
    return Emission(signal.name, level, signal.ttl_ms, signal.source, signal.audit_id, signal.ts_ms)


def _standing(ends: list[int], now_ms: int) -> int:
    while ends and ends[0] <= now_ms:
        heapq.heappop(ends)
    return len(ends)
