"""Reads the arguments of a call as the model wrote them; what does not fit becomes a sentence for the model."""

from typing import TypeVar

import msgspec

from gateway.answers import ToolCall, ToolResult

Arguments = TypeVar("Arguments", bound=msgspec.Struct)
LONGEST = 1 << 20


def arguments_of(call: ToolCall, kind: type[Arguments]) -> Arguments | ToolResult:
    """Gives the arguments as `kind`, a frozen Struct whose members are those of the tool's schema; or a result that
    tells the model what is wrong with them."""
    if len(call.arguments) > LONGEST:
        return unfit(f"they are longer than {LONGEST} characters")
    try:
        return msgspec.json.decode(call.arguments or "{}", type=kind)
    except msgspec.ValidationError as error:
        return unfit(str(error))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return unfit("they are not JSON")


def unfit(why: str) -> ToolResult:
    """Gives the result of a call whose arguments cannot be used."""
    return ToolResult(f"The arguments of this call cannot be used: {why[:200].rstrip('.')}.", failed=True)
