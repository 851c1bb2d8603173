"""Finds what tells of a call in other letters, or in another place, than a format reads it.

Some clients read names in any case, or take a message for a delta. What they would take for a call has to be judged as
one, and what cannot be judged does not go out.
"""

import re
from collections.abc import Iterable
from typing import Any

CALL_NAMED = re.compile(rb"(?i)_call").search
"""Finds what nearly all names of calls have in them; what it begins with has no case, so that it is a quick search."""
ESCAPED = re.compile(rb"\\u00[2-7]")
"""Finds a letter that is written by its number."""
_OF_A_HOLDER = frozenset(("tool_calls",))
CARRIERS = _OF_A_HOLDER | {"function_call"}
CALLS_BY_ANOTHER_NAME = frozenset(("mcp_approval_request", "program"))
_SPELT = CARRIERS | frozenset(
    (
        "arguments",
        "call_id",
        "choices",
        "custom",
        "data",
        "delta",
        "function",
        "input",
        "item",
        "message",
        "name",
        "namespace",
        "output",
        "required_action",
        "response",
        "server_label",
        "step_details",
        "submit_tool_outputs",
        "type",
    )
)
_SAID_BY_OTHERS = frozenset(
    (
        "arguments",
        "attributes",
        "caller",
        "functions",
        "input",
        "instructions",
        "metadata",
        "outputs",
        "parameters",
        "prompt",
        "response_format",
        "results",
        "text",
        "tool_choice",
        "tools",
    )
)
"""Members that repeat the request, or hold what a call was given, gave, or came from: any name may stand below them."""


def may_tell_of_call(data: bytes) -> bool:
    """Whether bytes may tell of a call, in whatever letters: cheap, sometimes wrong, but never a wrong no.

    A name may be written with escapes, or in UTF-16.
    """
    return CALL_NAMED(data) is not None or (b"\\" in data and ESCAPED.search(data) is not None) or b"\0" in data


def is_call_kind(kind: str) -> bool:
    """Whether an item of this type is a call."""
    return kind.endswith("_call") or kind in CALLS_BY_ANOTHER_NAME


def stray_in(told: Any, messages: Iterable[Any], items: Iterable[Any], holders: Iterable[Any] = ()) -> str | None:
    """Gives the first name that tells of a call otherwise than it is read, None where there is none.

    `messages` are the objects whose `tool_calls` and `function_call` are read, `holders` those whose `tool_calls`
    alone are, `items` those that are read as calls.
    """
    carrying = dict.fromkeys(map(id, holders), _OF_A_HOLDER) | dict.fromkeys(map(id, messages), CARRIERS)
    reading = {id(each) for each in items}
    waiting = [told]
    while waiting:
        value = waiting.pop()
        if value.__class__ is list:
            waiting += value
        elif value.__class__ is dict:
            for key, inner in value.items():
                if key not in _SPELT and key.casefold() in _SPELT:
                    return str(key)
                if key in CARRIERS and not _is_carried(key, inner, read=key in carrying.get(id(value), ())):
                    return str(key)
                if key == "type" and inner.__class__ is str and _strays(inner, read=id(value) in reading):
                    return str(inner)
                if inner.__class__ in (dict, list) and key not in _SAID_BY_OTHERS:
                    waiting.append(inner)
    return None


def _is_carried(key: str, value: Any, *, read: bool) -> bool:
    """Whether this member holds no call, or calls that are read where they stand."""
    if not value or value.__class__ not in (dict, list):
        # Some readers take a text for the JSON in it.
        return value.__class__ is not str or value.lstrip()[:1] not in ("{", "[")
    if key == "function_call":
        return read and value.__class__ is dict
    return read and value.__class__ is list and all(each is None or each.__class__ is dict for each in value)


def _strays(kind: str, *, read: bool) -> bool:
    folded = kind.casefold()
    return (folded != kind and "_call" in folded) or (is_call_kind(folded) and not (read and folded == kind))
