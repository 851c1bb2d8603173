"""What the formats find in replies and their events: texts, and calls of tools."""

from collections.abc import Hashable
from typing import Any, Literal, TypeAlias

import msgspec

from gateway.answers import Change, Path, ToolCall

NOT_AVAILABLE = "This tool is not available."
"""What the model is told of a blocked call."""
Channel: TypeAlias = Literal["text", "reasoning", "refusal", "arguments"]


class Piece(msgspec.Struct, frozen=True):
    """A text of the model in a reply, or in one event of it: the string at `path`.

    `choice` is the index of the choice or output item. `place` names the member of the whole reply that the text
    belongs to. `whole` says that the text is all that this member holds, else it is added to what came before.
    `lane` is set where texts of one choice and channel do not follow on each other, such as two calls' arguments.
    `along` are the changes to make with the text when it is changed: tokens with their probabilities repeat it.
    """

    path: Path
    channel: Channel
    choice: int
    text: str
    place: Hashable = None
    whole: bool = False
    lane: Hashable = None
    along: tuple[Change, ...] = ()


class FoundCall(msgspec.Struct, frozen=True):
    """A call in a whole reply, and the path of the object that it is.

    `made_with` are the tools that the reply, or its part with the call, says it was made with; None where it does not.
    """

    call: ToolCall
    path: Path
    made_with: list[Any] | None = None


class CallDelta(msgspec.Struct, frozen=True):
    """What one event says about a call.

    `place` tells the calls of a choice apart. `name` and `arguments` are added to what came before, or replace it
    where `whole` is set; a `name` of None leaves what there is. `named` says that the name is complete with this
    event, `done` that the whole call is. `path` leads to the object in the event that is the call, or to none.
    `server` and `namespace` are as in `ToolCall`; a `namespace` of None leaves what there is. `again` says that the
    call may have been told before, in another place. `item` is the id of the output item that the call is, and
    `about` says that the event adds to an item which another event tells of.
    """

    choice: int
    index: int
    id: str | None
    name: str | None
    arguments: str
    done: bool
    place: Hashable = None
    kind: str = "function"
    whole: bool = False
    named: bool = False
    path: Path = ()
    server: str = ""
    again: bool = False
    namespace: str | None = None
    item: str = ""
    about: bool = False


class Answered(msgspec.Struct, frozen=True):
    """A call that was not delivered, and what the model is told of it."""

    call: ToolCall
    output: str


class KeptTurn(msgspec.Struct, frozen=True):
    """A turn of which the client got its own calls alone: those in order, and the others with their results."""

    theirs: tuple[ToolCall, ...]
    ours: tuple[Answered, ...]
