"""What a model does turn by turn, as whole replies and as streams in any pieces, in each of the formats with calls."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
from hypothesis import strategies as some

from tests.builders.fake_transport import EVENTS, JSON, FakeReply
from tests.builders.streams import call_item, chat_chunk, message_item, response_events, told

Shape: TypeAlias = Literal["chat", "functions", "responses"]
SHAPES: tuple[Shape, ...] = ("chat", "functions", "responses")
TOOLS = ("look", "look_up", "find", "rm")
ARGUMENTS = ("{}", '{"q":"é"}', '{"q":"tool_calls"}', '{"a":[1,2]}')
USAGE = {
    "chat": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    "responses": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
}


class Turn(msgspec.Struct, frozen=True):
    """What the model says in one turn, and the calls that it makes then, by name and arguments."""

    says: str
    calls: tuple[tuple[str, str], ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """A model's turns, the last of which has no calls; which tools are hosted, and which calls are allowed.

    `cuts` are the places at which each stream is cut on its way, None for after every byte.
    """

    shape: Shape
    turns: tuple[Turn, ...]
    hosted: frozenset[str]
    allowed: frozenset[str]
    cuts: tuple[int, ...] | None


@some.composite
def plans(draw: some.DrawFn) -> Plan:
    """Any plan of at most five turns."""
    shape = draw(some.sampled_from(SHAPES))
    most = 1 if shape == "functions" else 4
    calls = some.lists(some.tuples(some.sampled_from(TOOLS), some.sampled_from(ARGUMENTS)), min_size=1, max_size=most)
    texts = some.sampled_from(("", "Let me see.", "é tool_calls"))
    turns = [Turn(draw(texts), tuple(draw(calls))) for _ in range(draw(some.integers(0, 4)))]
    names = some.frozensets(some.sampled_from(TOOLS))
    cuts = draw(some.one_of(some.none(), some.lists(some.integers(1, 3000), max_size=6).map(sorted).map(tuple)))
    return Plan(shape, (*turns, Turn("That is all.")), draw(names), draw(names), cuts)


def replies(plan: Plan, *, streamed: bool) -> list[FakeReply]:
    """What the upstream answers, one reply for each turn."""
    made = []
    for number, turn in enumerate(plan.turns):
        named = ((b"x-request-id", b"req_%d" % number),)
        if streamed:
            made.append(FakeReply(*pieces(plan, stream_of(plan.shape, turn, number)), headers=(*EVENTS, *named)))
        else:
            made.append(FakeReply(json.dumps(reply_of(plan.shape, turn, number)).encode(), headers=(*JSON, *named)))
    return made


def pieces(plan: Plan, stream: bytes) -> Iterator[bytes]:
    """The stream as it arrives."""
    places: Sequence[int] = range(1, len(stream)) if plan.cuts is None else [at for at in plan.cuts if at < len(stream)]
    at = 0
    for place in (*places, len(stream)):
        if place > at:
            yield stream[at:place]
            at = place


def request_of(shape: Shape, *, streamed: bool) -> bytes:
    """A request that offers all tools."""
    schema = {"type": "object", "properties": {}}
    functions = [{"name": name, "parameters": schema} for name in TOOLS]
    more: dict[str, Any] = {"stream": True} if streamed else {}
    if shape == "responses":
        body = {"model": "m", "input": "Hi", "tools": [{"type": "function", **each} for each in functions]}
    elif shape == "functions":
        body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "functions": functions}
    else:
        tools = [{"type": "function", "function": each} for each in functions]
        body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": tools}
    if streamed and shape != "responses":
        more["stream_options"] = {"include_usage": True}
    return json.dumps({**body, **more}).encode()


def reply_of(shape: Shape, turn: Turn, number: int) -> dict[str, Any]:
    """A turn as a whole reply."""
    if shape == "responses":
        return {
            "id": f"resp_{number}",
            "object": "response",
            "status": "completed",
            "model": "m",
            "output": items_of(turn, number),
            "usage": USAGE["responses"],
        }
    message: dict[str, Any] = {"role": "assistant", "content": turn.says or None}
    if turn.calls and shape == "functions":
        ((name, arguments),) = turn.calls
        message["function_call"] = {"name": name, "arguments": arguments}
    elif turn.calls:
        message["tool_calls"] = [
            {"id": f"call_{number}_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for at, (name, arguments) in enumerate(turn.calls)
        ]
    choice = {"index": 0, "message": message, "finish_reason": finish_of(shape, turn)}
    return {"id": f"chatcmpl-{number}", "object": "chat.completion", "choices": [choice], "usage": USAGE["chat"]}


def finish_of(shape: Shape, turn: Turn) -> str:
    """Why a chat's turn ended."""
    if not turn.calls:
        return "stop"
    return "function_call" if shape == "functions" else "tool_calls"


def items_of(turn: Turn, number: int) -> list[dict[str, Any]]:
    """A turn as output items."""
    items = [message_item(number, turn.says)] if turn.says or not turn.calls else []
    for at, (name, arguments) in enumerate(turn.calls):
        item = call_item(at, name, arguments)
        items.append({**item, "id": f"fc_{number}_{at}", "call_id": f"call_{number}_{at}"})
    return items


def stream_of(shape: Shape, turn: Turn, number: int) -> bytes:
    """A turn as the bytes of its events."""
    if shape == "responses":
        items = items_of(turn, number)
        middle = [event for at, item in enumerate(items) for event in told(item, at, halves(_text_of(item)))]
        events = response_events(items, middle)
        for event in events:
            if "response" in event:
                event["response"] = {**event["response"], "id": f"resp_{number}"}
                if event["type"] == "response.completed":
                    event["response"]["usage"] = USAGE["responses"]
        return b"".join(
            b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode()) for event in events
        )
    chunks = [*_chat_chunks(shape, turn, number), {**chat_chunk(None), "usage": USAGE["chat"]}]
    data = [json.dumps({**chunk, "id": f"chatcmpl-{number}"}, ensure_ascii=False).encode() for chunk in chunks]
    return b"".join(b"data: %b\n\n" % each for each in (*data, b"[DONE]"))


def _chat_chunks(shape: Shape, turn: Turn, number: int) -> Iterator[dict[str, Any]]:
    yield chat_chunk({"role": "assistant", "content": ""})
    for piece in halves(turn.says):
        yield chat_chunk({"content": piece})
    for at, (name, arguments) in enumerate(turn.calls):
        for place, piece in enumerate(("", *halves(arguments))):
            first = {"name": name, "arguments": ""} if place == 0 else {"arguments": piece}
            if shape == "functions":
                yield chat_chunk({"function_call": first})
            else:
                ids = {"id": f"call_{number}_{at}", "type": "function"} if place == 0 else {}
                yield chat_chunk({"tool_calls": [{"index": at, **ids, "function": first}]})
    yield chat_chunk({}, finish_reason=finish_of(shape, turn))


def halves(text: str) -> list[str]:
    """A text in two pieces."""
    return [piece for piece in (text[: len(text) // 2], text[len(text) // 2 :]) if piece]


def _text_of(item: dict[str, Any]) -> str:
    return str(item["arguments"] if item["type"] == "function_call" else item["content"][0]["text"])
