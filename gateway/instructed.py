"""Puts a text that instructs the model into a request, where the cached beginning of a conversation stays valid."""

from gateway.answers import Change
from gateway.exchange import Exchange
from gateway.formats import format_of


def instructed(exchange: Exchange, text: str, role: str = "developer") -> tuple[Change, ...]:
    """Gives the changes that put a message directly before the last user turn, or the text into the instructions.

    Nothing where the request has no place for it.
    """
    return format_of(exchange.endpoint).context_changes(exchange.request.json, text, role)
