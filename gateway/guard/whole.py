"""Guards a reply that is there as a whole."""

from typing import Any

import msgspec

from gateway.answers import Change, Cut, Redact, Refusal, Set, Window
from gateway.exchange import Exchange
from gateway.formats import Format
from gateway.guard.asking import refusal_for, refusal_of, verdict_on
from gateway.hooks import Implementation


class Guarded(msgspec.Struct, frozen=True):
    """What the plugins want done to a reply: changes to its JSON, or that it does not go out at all."""

    changes: tuple[Change, ...] = ()
    refusal: Refusal | None = None


async def guard_whole(
    exchange: Exchange,
    format: Format,
    watch: tuple[Implementation, ...],
    allow_tool: tuple[Implementation, ...],
    reply: Any,
) -> Guarded:
    """Asks about each text of the reply as one last window, and about each call."""
    changes: list[Change] = []
    for piece in format.pieces(reply) if watch else ():
        window = Window(piece.text, before="", channel=piece.channel, choice=piece.choice, last=True)
        verdict = await verdict_on(watch, exchange, window)
        if isinstance(verdict, Cut):
            return Guarded(refusal=refusal_for(verdict))
        if isinstance(verdict, Redact):
            changes += (Set(piece.path, verdict.text), *piece.along)
    for found in format.calls(reply) if allow_tool else ():
        if refusal := await refusal_of(allow_tool, exchange, found.call):
            return Guarded(refusal=refusal)
    return Guarded(tuple(changes))
