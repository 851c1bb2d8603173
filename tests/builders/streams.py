"""Makes streams of chat completions and responses for tests, cut into deltas at any place."""

import json
from typing import Any

from hypothesis import strategies as st

# Words that hold, begin or end with "abba", which tests look for, between all that JSON writes in its own way.
_WORDS = ("a", "b", "ab", "ba", "abba", " ", "{}", '"', "\\", "\n", "ü", "🙂")
TEXT = st.lists(st.sampled_from(_WORDS), max_size=6).map("".join)


def cut(text: str) -> st.SearchStrategy[list[str]]:
    """Cuts a text at random places; the pieces may be empty."""
    places = st.lists(st.integers(0, len(text)), max_size=4).map(sorted)
    return places.map(lambda at: [text[i:j] for i, j in zip([0, *at], [*at, len(text)], strict=True)])


def data_of(events: list[Any]) -> list[bytes]:
    """Gives the data of events as an upstream writes it."""
    return [json.dumps(event, ensure_ascii=False).encode() for event in events]


def chat_chunk(delta: dict[str, Any] | None, index: int = 0, **members: Any) -> dict[str, Any]:
    """Gives a chunk with one choice, or with none."""
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": None, **members}
    head = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "m",
        "system_fingerprint": "f",
    }
    return {**head, "choices": [] if delta is None else [choice]}


NAMES = ("look_up", "look", "look_up_all", "to", "toto")
CALLS = st.lists(st.tuples(st.sampled_from(NAMES), TEXT), max_size=3)


@st.composite
def chat_choices(draw: st.DrawFn, index: int) -> list[dict[str, Any]]:
    """The chunks of one choice: a text, a refusal, a thought, calls, each in deltas, in that order."""
    chunks = [chat_chunk({"role": "assistant", "content": ""}, index)]
    for key in ("reasoning_content", "content", "refusal"):
        if draw(st.booleans()):
            chunks += [chat_chunk({key: text}, index) for text in draw(cut(draw(TEXT)))]
    calls = draw(CALLS)
    for number, (name, arguments) in enumerate(calls):
        start = {
            "index": number,
            "id": f"call_{index}_{number}",
            "type": "function",
            "function": {"name": "", "arguments": ""},
        }
        chunks.append(chat_chunk({"tool_calls": [start]}, index))
        for key, value in (("name", name), ("arguments", arguments)):
            for piece in draw(cut(value)):
                chunks.append(chat_chunk({"tool_calls": [{"index": number, "function": {key: piece}}]}, index))
    chunks.append(chat_chunk({}, index, finish_reason="tool_calls" if calls else "stop"))
    return chunks


@st.composite
def interleaved(draw: st.DrawFn, streams: list[list[Any]]) -> list[Any]:
    """Mixes streams, each keeping its order."""
    waiting = [list(stream) for stream in streams]
    mixed = []
    while any(waiting):
        mixed.append(draw(st.sampled_from([stream for stream in waiting if stream])).pop(0))
    return mixed


@st.composite
def chat_streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The chunks of a chat completion with one to three choices, and usage at the end."""
    choices = [draw(chat_choices(index)) for index in range(draw(st.integers(1, 3)))]
    # The SDK takes the place of a choice in its list for its index, so each first chunk comes in order.
    chunks = [choice.pop(0) for choice in choices] + draw(interleaved(choices))
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return [*chunks, {**chat_chunk(None), "usage": usage}]


def message_item(index: int, text: str) -> dict[str, Any]:
    """Gives a finished message as an output item."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"id": f"msg_{index}", "type": "message", "role": "assistant", "status": "completed", "content": [part]}


def call_item(index: int, name: str, arguments: str) -> dict[str, Any]:
    """Gives a finished call as an output item."""
    ids = {"id": f"fc_{index}", "call_id": f"call_{index}"}
    return {**ids, "type": "function_call", "status": "completed", "name": name, "arguments": arguments}


def told(item: dict[str, Any], index: int, pieces: list[str]) -> list[dict[str, Any]]:
    """Gives the events of an item whose text, or arguments, come in these pieces."""
    place = {"output_index": index, "item_id": item["id"]}
    if item["type"] == "message":
        begun, kind, key, place = {**item, "content": []}, "response.output_text", "text", {**place, "content_index": 0}
        part = item["content"][0]
        first = [{"type": "response.content_part.added", **place, "part": {**part, "text": ""}}]
        last = [{"type": "response.content_part.done", **place, "part": part}]
    else:
        begun, kind, key = {**item, "arguments": ""}, "response.function_call_arguments", "arguments"
        first, last = [], []
    text = "".join(pieces)
    return [
        {"type": "response.output_item.added", "output_index": index, "item": {**begun, "status": "in_progress"}},
        *first,
        *({"type": f"{kind}.delta", **place, "delta": piece} for piece in pieces),
        {"type": f"{kind}.done", **place, key: text},
        *last,
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


def response_events(items: list[dict[str, Any]], middle: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Gives the events of a response around those of its items, numbered."""
    response = {
        "id": "resp_1",
        "object": "response",
        "created_at": 7,
        "model": "m",
        "status": "in_progress",
        "output": [],
    }
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    whole = {**response, "status": "completed", "output": items, "usage": usage}
    events = [
        {"type": "response.created", "response": response},
        *middle,
        {"type": "response.completed", "response": whole},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


@st.composite
def response_streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The events of a response with messages and calls, their texts cut into deltas."""
    items, middle = [], []
    for index in range(draw(st.integers(0, 3))):
        text = draw(TEXT)
        call = draw(st.booleans())
        item = call_item(index, draw(st.sampled_from(NAMES)), text) if call else message_item(index, text)
        items.append(item)
        middle.append(told(item, index, draw(cut(text))))
    return response_events(items, draw(interleaved(middle)))
