"""Asks the review about a reply that has gone out but for its end, where only a refusal still counts."""

from collections.abc import Iterable

from gateway.answers import Amendment, Refusal, Retry
from gateway.exchange import Exchange
from gateway.hooks import Implementation, Pending


async def reviewed_late(review: Iterable[Implementation], exchange: Exchange) -> Refusal | None:
    """Gives the first refusal; what would change the reply is dropped, and stands in the trail as of no use."""
    for implementation in review:
        answer = implementation.ask(exchange)
        if answer.__class__ is Pending:
            answer = await answer
        if isinstance(answer, Refusal):
            return answer
        if isinstance(answer, Amendment | Retry):
            implementation.unusable(exchange, "the stream is already going out")
    return None
