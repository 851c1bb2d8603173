"""Tests of what is read of every other endpoint."""

from gateway.answers import Usage
from gateway.formats import plain
from tests.builders.streams import data_of


def test_of_a_stream_the_event_with_usage_is_the_reply() -> None:
    usage = {"input_tokens": 3, "output_tokens": 2}
    events = [
        {"type": "transcript.text.delta", "delta": "h"},
        {"type": "transcript.text.done", "text": "h", "usage": usage},
    ]
    reply = plain.assembled([*data_of([*events, {"type": "other"}]), b"[DONE]"])
    assert reply == events[1]
    assert plain.usage(reply) == Usage(3, 2)


def test_the_text_of_embeddings_is_counted() -> None:
    assert plain.input_text({"input": ["a", "b"], "model": "m"}) == "a\nb"
