"""`/v1/completions`: the legacy endpoint, one choice or more for each prompt."""

from collections.abc import Iterator
from itertools import zip_longest

import msgspec

from gateway.simulator.answers import Answer, Question, answer
from gateway.simulator.asgi import JSON
from gateway.simulator.chat import DONE, FINGERPRINT, MOST_CHOICES, interrupted
from gateway.simulator.chat_shapes import StreamOptions, stops
from gateway.simulator.directives import read_directives
from gateway.simulator.mint import Mint
from gateway.simulator.models import known
from gateway.simulator.pieces import pieces
from gateway.simulator.replies import Event, Reply, Stream, Whole
from gateway.simulator.routes import Request, Route
from gateway.simulator.shapes import Shape
from gateway.simulator.tokens import Tokens


class CompletionRequest(msgspec.Struct, frozen=True):
    """A completion request; a prompt may be text or tokens, one or many."""

    model: str
    prompt: str | list[str | int | list[int]] = ""
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    echo: bool | None = None
    stop: str | list[str] | None = None
    max_tokens: int | None = None


class Completions:
    """Answers completion requests."""

    def __init__(self, mint: Mint, tokens: Tokens) -> None:
        self._mint = mint
        self._tokens = tokens
        self._shape = Shape(CompletionRequest)

    def routes(self) -> list[Route]:
        return [Route("POST", "/v1/completions", self.create)]

    def create(self, request: Request) -> Reply:
        """A text for each prompt; the directives of the last prompt hold for all."""
        asked = self._shape.read(request.body)
        known(asked.model)
        prompts = self._prompts(asked.prompt)
        directives = read_directives(prompts[-1])
        directives.raise_asked_error()
        question = Question(model=asked.model, stop=stops(asked.stop), max_tokens=asked.max_tokens)
        said = [
            answer(question, msgspec.structs.replace(directives, turns=(), question=_question(prompt)), self._tokens)
            for prompt in prompts
        ]
        texts = [
            (prompt if asked.echo else "", one)
            for prompt, one in zip(prompts, said, strict=True)
            for _ in range(min(max(asked.n or 1, 1), MOST_CHOICES))
        ]
        shape = self._empty(asked.model)
        usage = self._usage(prompts, [one for _, one in texts])
        if asked.stream:
            options = asked.stream_options
            last = usage if options is not None and options.include_usage else None
            events = interrupted(_chunks(shape, texts, directives.chunks, last), directives)
            return Stream(events, pacing=directives.pacing)
        choices = [_choice(place, echo + one.text, one.finish) for place, (echo, one) in enumerate(texts)]
        return Whole(msgspec.json.encode({**shape, "choices": choices, "usage": usage}), pacing=directives.pacing)

    def _prompts(self, prompt: str | list[str | int | list[int]]) -> list[str]:
        if isinstance(prompt, str):
            return [prompt]
        if prompt and all(isinstance(part, int) for part in prompt):
            return [f"({len(prompt)} tokens)"]
        return [part if isinstance(part, str) else f"({len(_numbers(part))} tokens)" for part in prompt] or [""]

    def _empty(self, model: str) -> JSON:
        return {
            "id": self._mint.name("cmpl-"),
            "object": "text_completion",
            "created": self._mint.now(),
            "model": model,
            "system_fingerprint": FINGERPRINT,
        }

    def _usage(self, prompts: list[str], said: list[Answer]) -> JSON:
        read = sum(self._tokens.count(prompt) for prompt in prompts)
        written = sum(self._tokens.count(one.text) for one in said)
        return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _question(prompt: str) -> str:
    return read_directives(prompt).question


def _numbers(part: int | list[int]) -> list[int]:
    return part if isinstance(part, list) else [part]


def _choice(place: int, text: str, finish: str | None) -> JSON:
    return {"text": text, "index": place, "logprobs": None, "finish_reason": finish}


def _chunks(shape: JSON, texts: list[tuple[str, Answer]], count: int | None, usage: JSON | None) -> Iterator[Event]:
    cut = [[*([echo] if echo else []), *pieces(one.text, count)] for echo, one in texts]
    for row in zip_longest(*cut):
        for place, piece in enumerate(row):
            if piece is not None:
                yield _event({**shape, "choices": [_choice(place, piece, None)]}, True)
    for place, (_, one) in enumerate(texts):
        yield _event({**shape, "choices": [_choice(place, "", one.finish)]}, False)
    if usage is not None:
        yield _event({**shape, "choices": [], "usage": usage}, False)
    yield DONE


def _event(chunk: JSON, counted: bool) -> Event:
    return Event(b"data: " + msgspec.json.encode(chunk) + b"\n\n", counted)
