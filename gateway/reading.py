"""What a plugin may ask about an exchange without knowing the wire formats."""

from gateway.answers import Usage
from gateway.exchange import Exchange
from gateway.formats import format_of


def reported_usage(exchange: Exchange) -> Usage | None:
    """Gives the tokens that the upstream's reply reports, None where it reports none."""
    reply = exchange.reply
    return format_of(exchange.endpoint).usage(reply.json) if reply is not None else None


def input_text(exchange: Exchange) -> str:
    """Gives the text of the request that a model reads: messages, instructions, tool descriptions."""
    return format_of(exchange.endpoint).input_text(exchange.request.json)


def output_text(exchange: Exchange) -> str:
    """Gives the text of the reply that a model wrote, as far as it came."""
    reply = exchange.reply
    return format_of(exchange.endpoint).output_text(reply.json) if reply is not None else ""
