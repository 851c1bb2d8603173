"""Replies that were made before and are only read now: nobody tries anything by it, and no model can be told of calls.

Such a reply is shown without the calls that are not the client's, where what is left is what the client got then.
"""

from urllib.parse import unquote_to_bytes

from gateway.answers import Refusal
from gateway.exchange import Exchange
from gateway.formats import Format

HOSTED_HERE = "tool_hosted_here"
"""The code with which a call of a hosted tool is refused where it does not run; read again, it is nobody's fault."""
ONE_STEP = Refusal(
    "This reply is a step on the way to another: apart from what ran here or was blocked it calls nothing, and what "
    "followed does not stand in it.",
    code="one_step_of_several",
)


def refusal_of_hosted(tool: str) -> Refusal:
    """Gives the refusal of a call of a hosted tool that does not run; `tool` is its name as records repeat it."""
    return Refusal(f"The model called {tool}: it is a hosted tool, whose calls are not delivered.", code=HOSTED_HERE)


def is_read_again(exchange: Exchange) -> bool:
    """Whether an exchange only reads a reply that was made before.

    A websocket begins with a GET too, and what is called over it is called now.
    """
    endpoint = exchange.endpoint
    return exchange.received.method == b"GET" and (endpoint is None or endpoint.kind == "http")


def can_show_rest(exchange: Exchange, format: Format) -> bool:
    """Whether a reply may be shown without the calls that are not the client's.

    A run that waits for the results of calls cannot: it waits for those of all. What is streamed from a place behind
    its beginning has numbers that count what is not shown.
    """
    return (
        is_read_again(exchange)
        and format.name in ("chat", "responses", "listings")
        and b"starting_after" not in unquote_to_bytes(exchange.received.target)
    )
