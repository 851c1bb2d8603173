"""Makes guards with plugins that answer as a test says, and reads what they let out."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from gateway.answers import Refusal, ToolCall, Window
from gateway.exchange import Exchange
from gateway.formats import Format
from gateway.guard import StreamGuard
from gateway.hooks import Implementation
from gateway.hookspecs import Hooks, hookimpl
from gateway.loader import Common, Plugin, chain_of
from gateway.sse import Event, EventReader
from gateway.testing import an_exchange
from tests.builders.streams import data_of

Judge = Callable[[Window], Any]
Gate = Callable[[ToolCall], Any]


class Watching:
    """Judges windows."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Any:
        return self.judge(window)


class Gating:
    """Judges calls by what is known when their name is."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    @hookimpl
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> Any:
        return self.gate(call)


class GatingWhole(Gating):
    """Judges calls when all of their arguments are there."""

    @hookimpl(needs="arguments")
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> Any:
        return self.gate(call)


def implementations(hook: Callable[..., Any], *plugins: object) -> tuple[Implementation, ...]:
    """Gives who is asked for a hook."""
    loaded = [Plugin(f"plugin_{at}", "1", "test", each, Common()) for at, each in enumerate(plugins)]
    return chain_of(loaded, lambda *fault: None).of(hook)


def watched(*judges: Judge) -> tuple[Implementation, ...]:
    """Gives the watch hooks of plugins that judge so."""
    return implementations(Hooks.watch, *map(Watching, judges))


def gated(*gates: Gate, whole: bool = False) -> tuple[Implementation, ...]:
    """Gives the allow_tool hooks of plugins that judge so."""
    return implementations(Hooks.allow_tool, *map(GatingWhole if whole else Gating, gates))


def allowing(*names: str) -> Gate:
    """Gives a gate that lets these tools through."""
    return lambda call: None if call.name in names else Refusal("Not this tool.", code="tool_not_allowed")


def a_guard(
    format: Format, watch: tuple[Implementation, ...] = (), allow_tool: tuple[Implementation, ...] = (), **options: Any
) -> StreamGuard:
    """Gives a guard for one stream."""
    return StreamGuard(an_exchange(), format, watch, allow_tool, **options)


def events_of(chunks: Iterable[Any], *, done: bool = False) -> list[Event]:
    """Gives the events whose data these are, as they come from an upstream."""
    data = [*data_of(list(chunks)), *([b"[DONE]"] if done else [])]
    return EventReader().feed(b"".join(b"data: " + each + b"\n\n" for each in data))


def raw_of(events: Iterable[Event]) -> bytes:
    """Gives the bytes of events."""
    return b"".join(event.raw for event in events)


def data_out(raw: bytes) -> list[bytes]:
    """Gives the data of the events in these bytes, which must end with an event."""
    reader = EventReader()
    events = reader.feed(raw)
    assert reader.rest() == b""
    return [event.data for event in events if event.data is not None]


async def run(guard: StreamGuard, batches: Iterable[list[Event]]) -> tuple[bytes, Refusal | None]:
    """Feeds a guard and finishes it; gives all that went out, and why it ended."""
    raw = b""
    for batch in batches:
        out = await guard.feed(batch)
        raw += out.raw
        if out.refusal:
            assert (await guard.finish()).raw == b""
            return raw, out.refusal
    out = await guard.finish()
    return raw + out.raw, out.refusal


def said(format: Format, events: Iterable[Any]) -> dict[Any, str]:
    """Gives the texts that the deltas of these events add up to, by choice, channel, and lane."""
    texts: dict[Any, str] = defaultdict(str)
    for event in events:
        for piece in format.event_pieces(event):
            if not piece.whole:
                texts[piece.choice, piece.channel, piece.lane] += piece.text
    return {key: text for key, text in texts.items() if text}
