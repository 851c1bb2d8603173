"""Makes streams of chat completions and responses for tests, cut into deltas at any place."""

import json
from typing import Any

from hypothesis import strategies as st

TEXT = st.text(st.sampled_from('ab {}"\\\nü🙂'), max_size=12)


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


@st.composite
def chat_choices(draw: st.DrawFn, index: int) -> list[dict[str, Any]]:
    """The chunks of one choice: a text, a refusal, a thought, calls, each in deltas, in that order."""
    chunks = [chat_chunk({"role": "assistant", "content": ""}, index)]
    for key in ("reasoning_content", "content", "refusal"):
        if draw(st.booleans()):
            chunks += [chat_chunk({key: text}, index) for text in draw(cut(draw(TEXT)))]
    calls = draw(st.integers(0, 3))
    for number in range(calls):
        start = {
            "index": number,
            "id": f"call_{index}_{number}",
            "type": "function",
            "function": {"name": "", "arguments": ""},
        }
        chunks.append(chat_chunk({"tool_calls": [start]}, index))
        for key, value in (("name", "look_up"), ("arguments", '{"q": "🙂 \\"x\\""}')):
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
