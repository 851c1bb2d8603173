"""Reads JSON bodies into typed shapes, with OpenAI's errors for what does not fit."""

import re
from typing import Generic, TypeVar

import msgspec

from gateway.simulator.errors import ApiError, missing

T = TypeVar("T")
ABSENT = re.compile(r"missing required field `([^`]+)`(?: - at `\$\.?([^`]*)`)?")
PLACE = re.compile(r" - at `\$\.?([^`]*)`")


class Shape(Generic[T]):
    """A kind of request body, with its decoder kept ready."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind)

    def read(self, body: bytes) -> T:
        """The body as its shape. Raises ApiError 400."""
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise _misfit(str(error)) from None
        except (ValueError, RecursionError):
            raise ApiError(
                400,
                "We could not parse the JSON body of your request. The simulator expects a valid JSON payload.",
            ) from None


def whole_number(text: str, default: int) -> int:
    """The number that a query or a form gives as text; the default for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


def _misfit(reason: str) -> ApiError:
    absent = ABSENT.search(reason)
    if absent:
        return missing(".".join(part for part in (absent[2], absent[1]) if part))
    place = PLACE.search(reason)
    param = place[1] if place else None
    return ApiError(400, f"Invalid type for '{param}': {PLACE.sub('', reason)}.", param=param, code="invalid_type")
