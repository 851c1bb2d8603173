"""What a websocket session is: it opens with events and answers each event that it knows."""

from collections.abc import Iterator
from typing import Protocol

import msgspec

from gateway.simulator.asgi import JSON
from gateway.simulator.replies import AT_ONCE, Pacing
from gateway.simulator.response_run import Told


class Heard(msgspec.Struct, frozen=True):
    """The answer to an event: what is told, at which pace."""

    told: Iterator[Told]
    pacing: Pacing = AT_ONCE


class Session(Protocol):
    """One websocket's conversation, without its socket."""

    def opening(self) -> Iterator[JSON]:
        """The events at the start."""

    def hear(self, event: JSON) -> Heard | None:
        """The answer to an event; None for one that is not known, which is sent back. Raises ApiError."""


def uncounted(*events: JSON) -> Iterator[Told]:
    """Events that `!cut` and `pace` pass over."""
    return iter([Told(event, False) for event in events])
