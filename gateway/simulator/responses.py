"""`/v1/responses`: the answer as a response, whole or as events; kept, so that it can be continued."""

from collections.abc import Iterator

import msgspec

from gateway.simulator.answers import answer
from gateway.simulator.asgi import JSON
from gateway.simulator.directives import AskedError, Directives, read_directives
from gateway.simulator.errors import ApiError, missing
from gateway.simulator.kept import Kept, page
from gateway.simulator.mint import Mint
from gateway.simulator.models import known
from gateway.simulator.replies import Event, Reply, Stream, Whole
from gateway.simulator.response_run import ResponseRun, Told
from gateway.simulator.response_shapes import (
    Item,
    ResponseRequest,
    input_tokens,
    items_of,
    last_user_text,
    question_of,
)
from gateway.simulator.routes import Request, Route
from gateway.simulator.shapes import Shape, whole_number
from gateway.simulator.tokens import Tokens

KEPT_RESPONSES = 500
LARGEST_KEPT = 256 * 1024


class KeptResponse(msgspec.Struct, frozen=True):
    """A response with the conversation before it."""

    run: ResponseRun
    before: tuple[Item, ...]
    cancelled: bool = False

    def shape(self) -> JSON:
        """The response as it is shown now."""
        return self.run.waiting("cancelled") if self.cancelled else self.run.whole()


class Responses:
    """Answers responses requests and keeps them unless `store` is false."""

    def __init__(self, mint: Mint, tokens: Tokens) -> None:
        self._mint = mint
        self._tokens = tokens
        self._shape = Shape(ResponseRequest)
        self._kept: Kept[KeptResponse] = Kept(KEPT_RESPONSES)

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/v1/responses", self.create),
            Route("POST", "/v1/responses/input_tokens", self.count),
            Route("GET", "/v1/responses/{}", self.retrieve),
            Route("DELETE", "/v1/responses/{}", self.delete),
            Route("POST", "/v1/responses/{}/cancel", self.cancel),
            Route("GET", "/v1/responses/{}/input_items", self.input_items),
        ]

    def create(self, request: Request) -> Reply:
        """The answer to the last user message, also where that stands in an earlier response."""
        run, directives = self.begin(request.body)
        if run.asked.stream:
            events = told_events(run.told(), directives.error)
            return Stream(_written(events), pacing=directives.pacing)
        shape = run.waiting("queued") if run.asked.background else run.whole()
        return Whole(msgspec.json.encode(shape), pacing=directives.pacing)

    def begin(self, body: bytes) -> tuple[ResponseRun, Directives]:
        """The response to a request, and what its directives say about sending it. Raises ApiError."""
        asked = self._shape.read(body)
        if asked.model is None:
            raise missing("model")
        known(asked.model)
        if asked.input is None and asked.prompt is None and asked.previous_response_id is None:
            raise missing("input")
        items = self._before(asked) + items_of(asked)
        directives = read_directives(last_user_text(items))
        directives.raise_asked_error()
        said = answer(question_of(asked, items), directives, self._tokens)
        read = input_tokens(asked, items, self._tokens)
        searches = directives.searches if items[-1:] and items[-1].role == "user" else ()
        run = ResponseRun(asked, said, read, directives.chunks, self._mint, self._tokens, searches)
        if asked.store is not False and len(body) + len(said.text) <= LARGEST_KEPT:
            self._kept.put(run.name, KeptResponse(run, items))
        return run, directives

    def count(self, request: Request) -> Reply:
        """The input tokens of a request that is not answered."""
        asked = self._shape.read(request.body)
        number = input_tokens(asked, self._before(asked) + items_of(asked), self._tokens)
        return Whole(msgspec.json.encode({"object": "response.input_tokens", "input_tokens": number}))

    def retrieve(self, request: Request) -> Reply:
        """A kept response, whole or, with `stream=true`, told again."""
        kept = self._find(request.names[0])
        if request.query.get("stream") != "true":
            return Whole(msgspec.json.encode(kept.shape()))
        seen = whole_number(request.query.get("starting_after", ""), -1)
        return Stream(_written(told for told in kept.run.told() if told.event["sequence_number"] > seen))

    def delete(self, request: Request) -> Reply:
        """Give up a kept response."""
        kept = self._find(request.names[0])
        self._kept.remove(kept.run.name)
        return Whole(msgspec.json.encode({"id": kept.run.name, "object": "response", "deleted": True}))

    def cancel(self, request: Request) -> Reply:
        """Cancel a response that was asked for in the background."""
        kept = self._find(request.names[0])
        if not kept.run.asked.background:
            raise ApiError(400, "Cannot cancel a synchronous response.")
        cancelled = msgspec.structs.replace(kept, cancelled=True)
        self._kept.put(kept.run.name, cancelled)
        return Whole(msgspec.json.encode(cancelled.shape()))

    def input_items(self, request: Request) -> Reply:
        """The conversation that a kept response answered."""
        kept = self._find(request.names[0])
        data = [_listed(item, f"{kept.run.name}_{place}") for place, item in enumerate(kept.before)]
        return Whole(msgspec.json.encode(page(data)))

    def _before(self, asked: ResponseRequest) -> tuple[Item, ...]:
        if asked.previous_response_id is None:
            return ()
        kept = self._kept.find(asked.previous_response_id)
        if kept is None:
            raise ApiError(
                400,
                f"Previous response with id '{asked.previous_response_id}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        return kept.before + kept.run.items()

    def _find(self, name: str) -> KeptResponse:
        kept = self._kept.find(name)
        if kept is None:
            raise ApiError(404, f"Response with id '{name}' not found.")
        return kept


def told_events(told: Iterator[Told], error: AskedError | None) -> Iterator[Told]:
    """The events, broken off by an error event where one was asked for in the middle."""
    if error is None or error.after is None:
        yield from told
        return
    counted = 0
    for number, one in enumerate(told):
        counted += one.counted
        if counted > error.after:
            shape = error.error().shape()
            event = {"type": "error", "code": shape["code"] or shape["type"], "message": shape["message"]}
            yield Told({**event, "param": None, "sequence_number": number}, False)
            return
        yield one


def _written(told: Iterator[Told]) -> Iterator[Event]:
    for event, counted in told:
        data = b"event: %s\ndata: %s\n\n" % (event["type"].encode(), msgspec.json.encode(event))
        yield Event(data, counted)


def _listed(item: Item, name: str) -> JSON:
    shape: JSON = msgspec.to_builtins(item)
    shape = {"id": name, "type": item.type, "status": "completed", **shape}
    if item.type == "message":
        kind = "output_text" if item.role == "assistant" else "input_text"
        part = {"type": kind, "text": item.text}
        shape["content"] = [{**part, "annotations": []} if item.role == "assistant" else part]
    return shape
