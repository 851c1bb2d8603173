"""`/v1/chat/completions`: the answer as a chat completion, whole or in chunks."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.simulator.answers import Answer, answer
from gateway.simulator.asgi import JSON
from gateway.simulator.chat_shapes import (
    ChatRequest,
    custom_names,
    last_user_text,
    prompt_tokens,
    question_of,
)
from gateway.simulator.directives import Call, Directives, read_directives
from gateway.simulator.errors import ApiError, not_found
from gateway.simulator.kept import Kept, page
from gateway.simulator.mint import Mint
from gateway.simulator.models import known
from gateway.simulator.pieces import pieces
from gateway.simulator.replies import Event, Reply, Stream, Whole, broken_off
from gateway.simulator.routes import Request, Route
from gateway.simulator.shapes import Shape
from gateway.simulator.tokens import Tokens

KEPT_COMPLETIONS = 500
MOST_CHOICES = 128
FINGERPRINT = "fp_simulated"
DONE = Event(b"data: [DONE]\n\n", False)


class Chat:
    """Answers chat requests and keeps those that say `store`."""

    def __init__(self, mint: Mint, tokens: Tokens) -> None:
        self._mint = mint
        self._tokens = tokens
        self._shape = Shape(ChatRequest)
        self._kept: Kept[JSON] = Kept(KEPT_COMPLETIONS)

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/v1/chat/completions", self.create),
            Route("GET", "/v1/chat/completions", self.list),
            Route("GET", "/v1/chat/completions/{}", self.retrieve),
            Route("DELETE", "/v1/chat/completions/{}", self.delete),
        ]

    def create(self, request: Request) -> Reply:
        """The answer to the last user message."""
        asked = self._shape.read(request.body)
        known(asked.model)
        if not asked.messages:
            raise ApiError(400, "Invalid 'messages': empty array.", param="messages", code="empty_array")
        directives = read_directives(last_user_text(asked.messages))
        directives.raise_asked_error()
        said = answer(question_of(asked), directives, self._tokens)
        completion = _Completion(asked, said, self._mint, self._tokens)
        if asked.store and not asked.stream:
            self._kept.put(completion.name, {**completion.whole(), "metadata": asked.metadata})
        if asked.stream:
            return Stream(interrupted(completion.chunks(directives), directives), pacing=directives.pacing)
        return Whole(msgspec.json.encode(completion.whole()), pacing=directives.pacing)

    def list(self, request: Request) -> Reply:
        """The kept completions."""
        kept = self._kept.all()
        return Whole(msgspec.json.encode(page(kept)))

    def retrieve(self, request: Request) -> Reply:
        """One kept completion."""
        completion = self._kept.find(request.names[0])
        if completion is None:
            raise not_found("chat completion", request.names[0])
        return Whole(msgspec.json.encode(completion))

    def delete(self, request: Request) -> Reply:
        """Give up a kept completion."""
        name = request.names[0]
        if self._kept.remove(name) is None:
            raise not_found("chat completion", name)
        return Whole(msgspec.json.encode({"id": name, "object": "chat.completion.deleted", "deleted": True}))


class _Completion:
    """One answer in the two forms that a chat completion has."""

    def __init__(self, asked: ChatRequest, said: Answer, mint: Mint, tokens: Tokens) -> None:
        self.name = mint.name("chatcmpl-")
        self._asked = asked
        self._said = said
        self._created = mint.now()
        self._custom = custom_names(asked)
        self._choices = min(max(asked.n or 1, 1), MOST_CHOICES)
        self._call_names = [[mint.name("call_") for _ in said.calls] for _ in range(self._choices)]
        written = tokens.count(said.text)
        written += sum(tokens.count(call.name) + tokens.count(call.arguments) for call in said.calls)
        self._usage = usage(prompt_tokens(asked, tokens), written * self._choices)
        self._finish: str = "function_call" if said.calls and asked.legacy else said.finish

    def whole(self) -> JSON:
        return {
            "id": self.name,
            "object": "chat.completion",
            "created": self._created,
            "model": self._asked.model,
            "choices": [
                {"index": index, "message": self._message(index), "logprobs": None, "finish_reason": self._finish}
                for index in range(self._choices)
            ],
            "usage": self._usage,
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
        }

    def chunks(self, directives: Directives) -> Iterator[Event]:
        everyone = range(self._choices)
        start: JSON = {"role": "assistant", "content": None if self._said.calls else "", "refusal": None}
        for index in everyone:
            yield self._chunk(index, start, None, False)
        for piece in pieces(self._said.text, directives.chunks):
            for index in everyone:
                yield self._chunk(index, {"content": piece}, None, True)
        for place, call in enumerate(self._said.calls):
            for index in everyone:
                yield from self._call_chunks(index, place, call, directives.chunks)
        for index in everyone:
            yield self._chunk(index, {}, self._finish, False)
        options = self._asked.stream_options
        if options is not None and options.include_usage:
            yield self._event([], self._usage, False)
        yield DONE

    def _message(self, index: int) -> JSON:
        said = self._said
        message: JSON = {
            "role": "assistant",
            "content": said.text if said.text or not said.calls else None,
            "refusal": None,
            "annotations": [],
        }
        if said.calls and self._asked.legacy:
            message["function_call"] = {"name": said.calls[0].name, "arguments": said.calls[0].arguments}
        elif said.calls:
            message["tool_calls"] = [
                {"id": name, **self._call(call, call.arguments)}
                for name, call in zip(self._call_names[index], said.calls, strict=True)
            ]
        return message

    def _call(self, call: Call, arguments: str) -> JSON:
        if call.name in self._custom:
            return {"type": "custom", "custom": {"name": call.name, "input": arguments}}
        return {"type": "function", "function": {"name": call.name, "arguments": arguments}}

    def _call_chunks(self, index: int, place: int, call: Call, count: int | None) -> Iterator[Event]:
        if self._asked.legacy:
            yield self._chunk(index, {"function_call": {"name": call.name, "arguments": ""}}, None, False)
            for piece in argument_pieces(call.arguments, count):
                yield self._chunk(index, {"function_call": {"arguments": piece}}, None, True)
            return
        start = {"index": place, "id": self._call_names[index][place], **self._call(call, "")}
        yield self._chunk(index, {"tool_calls": [start]}, None, False)
        kind, field = ("custom", "input") if call.name in self._custom else ("function", "arguments")
        for piece in argument_pieces(call.arguments, count):
            yield self._chunk(index, {"tool_calls": [{"index": place, kind: {field: piece}}]}, None, True)

    def _chunk(self, index: int, delta: JSON, finish: str | None, counted: bool) -> Event:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._event([choice], None, counted)

    def _event(self, choices: list[JSON], counts: JSON | None, counted: bool) -> Event:
        chunk: dict[str, Any] = {
            "id": self.name,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._asked.model,
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        }
        options = self._asked.stream_options
        if options is not None and options.include_usage:
            chunk["usage"] = counts
        return Event(b"data: " + msgspec.json.encode(chunk) + b"\n\n", counted)


def usage(read: int, written: int) -> JSON:
    """The usage of a chat completion, in tokens."""
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def argument_pieces(arguments: str, count: int | None) -> list[str]:
    """The arguments of a call as a stream sends them: eight characters at a time unless told."""
    return pieces(arguments, -(-len(arguments) // 8) if count is None else count)


def interrupted(events: Iterator[Event], directives: Directives) -> Iterator[Event]:
    """The events, broken off by an error where one was asked for in the middle."""
    asked = directives.error
    if asked is None or asked.after is None:
        return events
    return broken_off(events, asked.after, b"data: " + asked.error().body() + b"\n\n")
