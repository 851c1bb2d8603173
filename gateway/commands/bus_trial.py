"""Tries the signal bus for `lukhas smoke`: each signal once, past a handler that raises."""

import logging
from time import time_ns

import msgspec

from gateway.signal_bus import EVERY, NAMES, SignalBus
from policies.modulation.homeostasis import Emission


class BusTried(msgspec.Struct, frozen=True):
    """How many signals were published, and how many came to the handler behind the one that raises."""

    ok: bool
    published: int
    heard: int


def tried_bus() -> BusTried:
    """Gives what came of it."""
    bus, heard = SignalBus(), list[str]()
    bus.subscribe(EVERY, _raises)
    bus.subscribe(EVERY, lambda signal: heard.append(signal.name))
    log = logging.getLogger(SignalBus.__module__)
    # What the handler that raises leaves in the log is no news here.
    disabled, log.disabled = log.disabled, True
    for name in NAMES:
        bus.publish(Emission(name, 0.5, 60_000, "smoke", "", time_ns() // 1_000_000))
    log.disabled = disabled
    stands = tuple(bus.active()) == NAMES
    return BusTried(heard == [*NAMES] and stands, sum(bus.told().published.values()), len(heard))


def _raises(signal: Emission) -> None:
    raise RuntimeError(signal.name)
