"""Calls of the model that the client never sees: they run here, or are blocked."""

import msgspec

from gateway.answers import Path, Refusal, ToolCall


class Withheld(msgspec.Struct, frozen=True):
    """A call that is not delivered: `refusal` says why it is blocked, None that it runs here.

    `path` leads to it in a whole reply.
    """

    call: ToolCall
    refusal: Refusal | None = None
    path: Path = ()
