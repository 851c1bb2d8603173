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
_BRING_TOOLS = frozenset(("functions", "tools"))
# A kind of event that is newer than this file may have tools in it too; what has no case comes first, for speed.
_TOOLS = re.compile('"(?i:tools|functions)"')
# Letters, dots and underscores by their numbers: nobody writes them so who does not want to hide them. Two letters
# beyond the first 128 are read as k and s by those who read names in any case.
_HIDDEN = re.compile(r"\\u(?:00(?:2[eE]|5[fF]|[46][1-9a-fA-F]|[57][0-9aA])|017[fF]|212[aA])")


def read_message(message: Message, kinds: tuple[str, ...]) -> dict[str, Any] | Refusal | None:
    """Gives what a message of the client says, where it may be of these types or bring tools.

    Gives the refusal of one that can be read in two ways, and None for one that nobody has to read.
    """
    if isinstance(message, bytes):
        return BINARY_EVENT if may_be_event(message) else None
    return read_event(message.encode()) if may_tell(message, kinds) else None


def may_tell(text: str, kinds: tuple[str, ...]) -> bool:
    """Whether a text may be an event of one of these types, or bring tools.

    It is quick, and never a wrong no, whoever reads the text how.
    """
    if any(kind in text for kind in kinds) or _TOOLS.search(text) is not None:
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


def carries_tools(event: Any) -> bool:
    """Whether anything in an event, at any depth and in whichever letters, offers tools.

    That is not for an event that asks for nothing. A list of what a server has, which a client puts back into a
    conversation, offers none.
    """
    waiting = [event]
    while waiting:
        each = waiting.pop()
        if each.__class__ is list:
            waiting.extend(each)
        elif each.__class__ is dict:
            listed = _is_servers_list(each)
            for name, value in each.items():
                if not listed and value and name.casefold() in _BRING_TOOLS:
                    return True
                if not listed or name != "tools":
                    waiting.append(value)
    return False


def _is_servers_list(item: dict[str, Any]) -> bool:
    """Whether an item tells what tools a server has, and nobody could take it for anything else."""
    return item.get("type") == "mcp_list_tools" and all(
        name in ("tools", "type") or name.casefold() not in ("functions", "tools", "type") for name in item
    )


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
