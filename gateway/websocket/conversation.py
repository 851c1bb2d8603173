"""What is said on one websocket, by whichever API it is: the messages of each side pass through it.

Errors of a conversation end the websocket; what it refuses is answered on it, and it stays open.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from gateway.exchange import Outcome
from gateway.websocket.frames import Message


class Passed(msgspec.Struct, frozen=True):
    """What a message of one side comes to: those that go `on` to the other side, and those that go `back`."""

    on: Sequence[Message] = ()
    back: Sequence[Message] = ()


class Conversation(Protocol):
    """Takes the messages of both sides in their order; of one side never two at a time."""

    @property
    def due(self) -> int | None:
        """The time of the pipeline's clock, in ns, at which `overdue` is to be asked; None where nothing is held."""

    async def asked(self, message: Message) -> Passed:
        """Takes a message of the client."""

    async def answered(self, message: Message) -> Passed:
        """Takes a message of the upstream."""

    async def overdue(self) -> Passed:
        """Gives what has been held back long enough, as `answered` does."""

    def ended(self, outcome: Outcome) -> None:
        """Says that the websocket has ended; what is under way ends with this outcome. Nothing here waits."""


class UnreadConversation:
    """Lets everything pass: nobody here reads what is said."""

    due: int | None = None

    async def asked(self, message: Message) -> Passed:
        """Gives the message."""
        return Passed((message,))

    async def answered(self, message: Message) -> Passed:
        """Gives the message."""
        return Passed((message,))

    async def overdue(self) -> Passed:
        """Gives nothing."""
        return Passed()

    def ended(self, outcome: Outcome) -> None:
        """There is nothing under way."""
