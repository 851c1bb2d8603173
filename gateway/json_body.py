"""Reads a JSON body that can be read in exactly one way, and refuses every other.

A body with a key twice, a byte order mark, another encoding, or data after its end says one thing to us and
perhaps another to the upstream: what was checked would not be what is done.
"""

import json
from collections import Counter
from json import JSONDecodeError
from typing import Any, NoReturn

KEY_LABEL_LENGTH = 80


class BodyError(ValueError):
    """The body cannot be read as JSON in exactly one way; the message says why, for the sender."""


MOST_VALUES = 1_000_000
"""A value of two bytes becomes one of a hundred: without a bound on them the limit on bytes would not bound memory."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise BodyError(f"The JSON body has the key {twice[:KEY_LABEL_LENGTH]!r} twice in one object.")
    return members


def _constant(name: str) -> NoReturn:
    raise BodyError(f"The JSON body holds {name}, which is not JSON.")


_SPACES = " \t\n\r"
_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_constant)


def _decoded(text: str) -> Any:
    """Decodes as the decoder does, without its search for spaces where there are none."""
    if not text.startswith(("{", "[")):
        return _DECODER.decode(text)
    value, end = _DECODER.raw_decode(text)
    if end != len(text) and (rest := text[end:].lstrip(_SPACES)):
        raise JSONDecodeError("Extra data", text, len(text) - len(rest))
    return value


def read_json(body: bytes) -> Any:
    """Gives the JSON values of a UTF-8 body. Errors: BodyError."""
    if len(body) > MOST_VALUES and body.count(b",") > MOST_VALUES:
        raise BodyError(f"The JSON body holds more than {MOST_VALUES} values.")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BodyError(f"The JSON body is not UTF-8 (byte {error.start}).") from None
    if text.startswith("\ufeff"):
        raise BodyError("The JSON body begins with a byte order mark.")
    try:
        return _decoded(text)
    except JSONDecodeError as error:
        raise BodyError(
            f"We could not parse the JSON body of your request: {error.msg} at line {error.lineno}, "
            f"column {error.colno}."
        ) from None
    except RecursionError:
        raise BodyError("The JSON body is nested too deeply.") from None
    except BodyError:
        raise
    except ValueError:
        raise BodyError("The JSON body holds a number with more digits than we read.") from None
