"""Tells whether a call that a client sends again is the one that it got: ids alone are not always new."""

import msgspec

from gateway.answers import ToolCall
from gateway.formats.strangers import decoded


def is_same_call(call: ToolCall, name: str, arguments: str) -> bool:
    """Whether name and arguments are those of the call; some clients write the JSON of the arguments anew."""
    if name != call.name:
        return False
    if arguments == call.arguments:
        return True
    sent = _read(arguments)
    return sent is not msgspec.UNSET and bool(sent == _read(call.arguments))


def _read(arguments: str) -> object:
    return decoded((arguments or "{}").encode("utf-8", "surrogatepass"))
