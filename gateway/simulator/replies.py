"""What an endpoint answers with: a whole body, or events that are sent one by one."""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import msgspec

from gateway.simulator.asgi import Headers

JSON_TYPE = b"application/json"
SSE_TYPE = b"text/event-stream; charset=utf-8"


class Pacing(msgspec.Struct, frozen=True):
    """When the parts of a reply go out, and whether it breaks."""

    delay_ms: int = 0
    pace_ms: int = 0
    cut: int | None = None


AT_ONCE = Pacing()


class Event(NamedTuple):
    """One piece of a stream; only the `counted` ones are paced and counted by `!cut`."""

    data: bytes
    counted: bool


class Whole(msgspec.Struct, frozen=True):
    """A reply that is known in full."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON_TYPE
    headers: Headers = ()
    pacing: Pacing = AT_ONCE


class Stream(msgspec.Struct, frozen=True):
    """A reply whose pieces are made while they are sent; `length` in bytes where it is known."""

    events: Iterator[Event]
    content_type: bytes = SSE_TYPE
    headers: Headers = ()
    pacing: Pacing = AT_ONCE
    length: int | None = None


Reply: TypeAlias = Whole | Stream


def broken_off(events: Iterator[Event], after: int, error: bytes) -> Iterator[Event]:
    """The events up to `after` counted ones, then the error event as the last."""
    counted = 0
    for event in events:
        counted += event.counted
        if counted > after:
            yield Event(error, False)
            return
        yield event
