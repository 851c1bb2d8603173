"""`/v1/embeddings`: vectors made from the words of a text, so that texts with common words are near."""

import base64
import math
import re
import sys
import zlib
from array import array
from typing import Literal

import msgspec

from gateway.simulator.errors import ApiError
from gateway.simulator.models import known
from gateway.simulator.replies import Reply, Whole
from gateway.simulator.routes import Request, Route
from gateway.simulator.shapes import Shape
from gateway.simulator.tokens import Tokens

WORD = re.compile(r"\w+")
DIMENSIONS = {"text-embedding-3-large": 3072}
USUAL_DIMENSIONS = 1536
MOST_INPUTS = 2048
# A word is spread over a few places, so that two words seldom share all of theirs.
PLACES = 4


class EmbeddingRequest(msgspec.Struct, frozen=True):
    """An embedding request; an input may be text or tokens, one or many."""

    model: str
    input: str | list[str | int | list[int]]
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] | None = None


class Embeddings:
    """Answers embedding requests."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._shape = Shape(EmbeddingRequest)

    def routes(self) -> list[Route]:
        return [Route("POST", "/v1/embeddings", self.create)]

    def create(self, request: Request) -> Reply:
        """A vector of length one for each input."""
        asked = self._shape.read(request.body)
        known(asked.model)
        dimensions = DIMENSIONS.get(asked.model, USUAL_DIMENSIONS) if asked.dimensions is None else asked.dimensions
        if not 1 <= dimensions <= 10_000:
            raise ApiError(400, f"Invalid 'dimensions': {dimensions}.", param="dimensions")
        texts = [_checked(text) for text in _texts(asked.input)]
        vectors = [embedded(text, dimensions) for text in texts]
        data = [
            {"object": "embedding", "index": place, "embedding": _encoded(vector, asked.encoding_format)}
            for place, vector in enumerate(vectors)
        ]
        counted = sum(self._tokens.count(text) for text in texts)
        usage = {"prompt_tokens": counted, "total_tokens": counted}
        return Whole(msgspec.json.encode({"object": "list", "data": data, "model": asked.model, "usage": usage}))


def embedded(text: str, dimensions: int) -> list[float]:
    """The vector of a text: each of its words adds to a few places, then the length is made one."""
    vector = [0.0] * dimensions
    for word in WORD.findall(text.casefold()) or [text]:
        for place in range(PLACES):
            number = zlib.crc32(f"{place} {word}".encode())
            vector[number % dimensions] += 1.0 if number & 0x80000000 else -1.0
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0.0:
        return [1.0, *vector[1:]]
    return [value / length for value in vector]


def _texts(given: str | list[str | int | list[int]]) -> list[str]:
    if isinstance(given, str):
        return [given]
    if given and all(isinstance(part, int) for part in given):
        return [" ".join(str(part) for part in given)]
    texts = [part if isinstance(part, str) else " ".join(map(str, _tokens(part))) for part in given]
    if not 1 <= len(texts) <= MOST_INPUTS:
        raise ApiError(400, f"Invalid 'input': expected 1 to {MOST_INPUTS} inputs, got {len(texts)}.", param="input")
    return texts


def _tokens(part: int | list[int]) -> list[int]:
    return part if isinstance(part, list) else [part]


def _checked(text: str) -> str:
    if not text:
        raise ApiError(400, "Invalid 'input': input cannot be an empty string.", param="input")
    return text


def _encoded(vector: list[float], encoding: str | None) -> list[float] | str:
    if encoding != "base64":
        return vector
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
