"""What a plugin may ask about an exchange without knowing the wire formats."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.answers import Usage
from gateway.exchange import Exchange
from gateway.formats import format_of
from gateway.formats.strangers import decoded

LONGEST_READ_STREAM = 256 << 10


def reported_usage(exchange: Exchange) -> Usage | None:
    """Gives the tokens that the upstream's reply reports, None where it reports none."""
    reply = exchange.reply
    if reply is None:
        return None
    form = format_of(exchange.endpoint)
    if not reply.streamed or reply.packed:
        return form.usage(reply.json)
    # A stream reports its tokens at its end: nothing else of it needs to be read for them.
    for event in last_events(reply.body or b""):
        usage = form.usage(event.get("response", event)) if isinstance(event, dict) else None
        if usage is not None:
            return usage
    return None


def last_events(stream: bytes, count: int = 4) -> Iterator[Any]:
    """Gives the JSON of the last events of a stream, the last one first; what is no JSON is left out."""
    end = len(stream)
    for _ in range(count):
        at = stream.rfind(b"\ndata:", 0, end)
        begin = at + 6 if at >= 0 else 5 if stream.startswith(b"data:") else end
        value = decoded(stream[begin:end].partition(b"\n")[0].strip())
        if value is not msgspec.UNSET:
            yield value
        if at < 0:
            return
        end = at


def counted_events(exchange: Exchange) -> int | None:
    """Gives how many events a stream has that is too long to read for its text; None for any other reply."""
    reply = exchange.reply
    if reply is None or not reply.streamed or reply.body is None or len(reply.body) <= LONGEST_READ_STREAM:
        return None
    return reply.body.count(b"\ndata:") + 1


def input_text(exchange: Exchange) -> str:
    """Gives the text of the request that a model reads: messages, instructions, tool descriptions."""
    return format_of(exchange.endpoint).input_text(exchange.request.json)


def output_text(exchange: Exchange) -> str:
    """Gives the text of the reply that a model wrote, as far as it came."""
    reply = exchange.reply
    return format_of(exchange.endpoint).output_text(reply.json) if reply is not None else ""
