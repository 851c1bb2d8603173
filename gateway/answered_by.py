"""Reads off a reply which model answered, and in which service tier: what its cost depends on."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from gateway.exchange import MODEL_LABEL_LENGTH, Exchange
from gateway.reading import last_events


class AnsweredBy(NamedTuple):
    """What a reply says of itself; None for what it does not say."""

    model: str | None = None
    service_tier: str | None = None


NOBODY = AnsweredBy()


def answered_by(exchange: Exchange) -> AnsweredBy:
    """Gives what the reply names, as far as it came; the tier that was asked for where the reply names none."""
    reply = exchange.reply
    if reply is None:
        return NOBODY
    if reply.streamed and not reply.packed:
        # Each event of a stream names it; reading the last ones is enough.
        events = (event.get("response", event) for event in last_events(reply.body or b"") if isinstance(event, dict))
        return _named(events, exchange)
    return _named((reply.json,), exchange)


def _named(said: Iterable[Any], exchange: Exchange) -> AnsweredBy:
    model = tier = None
    for each in said:
        if each.__class__ is dict:
            model = model or _word(each.get("model"))
            tier = tier or _word(each.get("service_tier"))
            if model is not None:
                break
    asked = exchange.request.json
    return AnsweredBy(model, tier or (_word(asked.get("service_tier")) if asked.__class__ is dict else None))


def _word(value: Any) -> str | None:
    return value[:MODEL_LABEL_LENGTH] if isinstance(value, str) and value else None
