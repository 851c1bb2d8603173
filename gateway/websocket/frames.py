"""Reads the messages of a websocket as events of the API, and tells those apart that nobody has to read."""

import re
from typing import Any, TypeAlias

from gateway.answers import Refusal
from gateway.governed_members import disguised
from gateway.json_body import BodyError, read_json

Message: TypeAlias = str | bytes

BINARY_EVENT = Refusal(
    "Events are sent as text; this message is binary, and somebody might read it as an event.",
    code="binary_event",
    status=400,
)
UNREADABLE = Refusal(
    "The upstream sent an event that cannot be read, so that the checks of this gateway could not be made.",
    code="unreadable_event",
    status=502,
)
_NO_EVENT = Refusal("An event is a JSON object.", code="invalid_json", status=400)
# In UTF-16 and UTF-32 there are zeros beside each letter, three at most.
_OBJECT = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?(?:\0{0,3}[ \t\r\n])*\0{0,3}\{")
_UTF_32 = b"\0\0\xfe\xff"
_OUTER = frozenset(("conversation", "item", "response", "session", "stream_id", "type"))
# Letters, dots and underscores by their numbers: nobody writes them so who does not want to hide them.
_HIDDEN = re.compile(r"\\u00(?:2[eE]|5[fF]|6[1-9a-fA-F]|7[0-9aA])")


def may_tell(text: str, kinds: tuple[str, ...]) -> bool:
    """Whether a text may be an event of one of these types: quick, and never a wrong no, whoever reads it how."""
    if any(kind in text for kind in kinds):
        return True
    return "\\" in text and _HIDDEN.search(text) is not None


def may_be_event(data: bytes) -> bool:
    """Whether somebody might read a binary message as an event, in whichever encoding of Unicode."""
    if _OBJECT.match(data.removeprefix(_UTF_32)) is None:
        return False
    narrow = data.replace(b"\0", b"")
    return b'"type"' in narrow or b"\\u00" in narrow


def read_event(data: bytes) -> dict[str, Any] | Refusal:
    """Gives the event that a client's text can be read as in one way alone.

    Gives the refusal of one that can be read in two ways, or whose members are written so that some would find them.
    """
    try:
        event = read_json(data)
    except BodyError as error:
        return Refusal(str(error), code="invalid_json", status=400)
    if event.__class__ is not dict:
        return _NO_EVENT
    return refusal_of_names(event) or event


def carries_tools(event: dict[str, Any]) -> bool:
    """Whether a member of an event offers tools, which is not for an event that asks for nothing.

    A list of what a server has, which a client puts back into a conversation, offers none.
    """
    holders = (each for each in event.values() if each.__class__ is dict and each.get("type") != "mcp_list_tools")
    return any(each.get(name) for each in (event, *holders) for name in ("tools", "functions"))


def refusal_of_names(members: dict[str, Any]) -> Refusal | None:
    """Gives the refusal of members that are governed ones but for the letters' case."""
    name = disguised(members) or next(
        (each for each in members if each not in _OUTER and each.casefold() in _OUTER), None
    )
    if name is None:
        return None
    return Refusal(
        f"The member {name!r} is not spelt as in the API; send {name.casefold()!r}.",
        code="misspelt_member",
        status=400,
        param=name,
    )
