"""Guards a reply that is there as a whole."""

from typing import Any

import msgspec

from gateway.answers import Change, Cut, Redact, Refusal, Set, ToolCall, Window
from gateway.exchange import Exchange
from gateway.formats import Format
from gateway.guard.asking import hosted_alias, refusal_for, refusal_of, refusal_of_stray, verdict_on
from gateway.guard.withheld import Withheld
from gateway.hooks import Implementation


class Guarded(msgspec.Struct, frozen=True):
    """What the plugins want done to a reply: changes to its JSON, or that it does not go out at all.

    `withheld` are the calls that the client does not get, `delivered` those that it gets.
    """

    changes: tuple[Change, ...] = ()
    refusal: Refusal | None = None
    withheld: tuple[Withheld, ...] = ()
    delivered: tuple[ToolCall, ...] = ()


async def guard_whole(
    exchange: Exchange,
    format: Format,
    watch: tuple[Implementation, ...],
    allow_tool: tuple[Implementation, ...],
    reply: Any,
    *,
    body: bytes = b"",
    loops: bool = False,
) -> Guarded:
    """Asks about each text of the reply as one last window, and about each call; `body` are the bytes of the reply.

    `loops` says that calls may be taken out: the upstream can be told of them, or has been before; else a refused one
    refuses the reply.
    """
    changes: list[Change] = []
    for piece in format.pieces(reply) if watch else ():
        window = Window(piece.text, before="", channel=piece.channel, choice=piece.choice, last=True)
        verdict = await verdict_on(watch, exchange, window)
        if isinstance(verdict, Cut):
            return Guarded(refusal=refusal_for(verdict))
        if isinstance(verdict, Redact):
            changes += (Set(piece.path, verdict.text), *piece.along)
    withheld: list[Withheld] = []
    delivered: list[ToolCall] = []
    governs = bool(allow_tool or exchange.hosted)
    if governs and format.may_hold_call(body):
        stray = refusal_of_stray(exchange, format, body, reply, streamed=False)
        if stray is not None:
            return Guarded(refusal=stray)
    mode, entry = exchange.safety_mode, None
    for found in format.calls(reply) if governs else ():
        exchange.made_with = found.made_with
        if format.name == "listings" and found.path[:2] != entry:
            # What was blocked in one thing that is listed says nothing of the next.
            entry, exchange.safety_mode = found.path[:2], mode
        refusal = await refusal_of(allow_tool, exchange, found.call, answered=loops)
        if refusal is not None and not loops:
            return Guarded(refusal=refusal)
        if refusal is not None or hosted_alias(exchange, found.call) is not None:
            withheld.append(Withheld(found.call, refusal, found.path))
        else:
            delivered.append(found.call)
    return Guarded(tuple(changes), None, tuple(withheld), tuple(delivered))
