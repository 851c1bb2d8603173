"""The turns of a request: newest first, in each wire format, whatever strangers wrote."""

from typing import Any

import pytest

from gateway import Turn, turns
from gateway.testing import an_exchange
from gateway.turns import MOST_PIECES

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def found(body: Any, path: str = "/v1/chat/completions") -> list[Turn]:
    return list(turns(an_exchange(body, path=path)))


def test_the_turns_of_a_chat_come_newest_first_with_who_said_them() -> None:
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "Rain."},
        {"role": "developer", "content": "Be brief."},
    ]
    assert found({"messages": messages}) == [
        Turn("system", "Be brief."),
        Turn("tool", "Rain."),
        Turn("assistant", ""),
        Turn("user", "Weather?"),
        Turn("system", "Be kind."),
    ]


def test_parts_of_a_message_are_one_text_and_a_picture_is_attached() -> None:
    content = [{"type": "text", "text": "What is"}, PICTURE, {"type": "text", "text": "this?"}]
    assert found({"messages": [{"role": "user", "content": content}]}) == [Turn("user", "What is\nthis?", True)]


def test_texts_alone_are_no_attachment() -> None:
    content = [{"type": "input_text", "text": "Hello"}]
    assert found({"input": [{"role": "user", "content": content}]}, "/v1/responses") == [Turn("user", "Hello")]


def test_the_items_of_a_response_are_turns_and_its_calls_are_none() -> None:
    items = [
        {"type": "message", "role": "user", "content": "Weather?"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "Rain."},
    ]
    body = {"instructions": "Be kind.", "input": items}
    assert found(body, "/v1/responses") == [Turn("tool", "Rain."), Turn("user", "Weather?"), Turn("system", "Be kind.")]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/completions"])
def test_a_plain_question_is_one_turn_of_the_user(path: str) -> None:
    assert found("Why?", path) == [Turn("user", "Why?")]


def test_an_endpoint_without_turns_has_none() -> None:
    assert found({"model": "m", "input": "Why?"}, "/v1/embeddings") == []


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"messages": {"role": []}}', b'{"messages": [null, 1, "x"]}'])
def test_what_has_the_wrong_shape_gives_no_text(body: bytes) -> None:
    assert "".join(turn.text for turn in found(body)) == ""


SAID: dict[str, Any] = {"role": "user", "content": "Why?"}
NOTHING = {"role": "user", "content": ""}


@pytest.mark.parametrize(
    "messages",
    [
        [NOTHING] * 100_000,
        [{"role": "user", "content": [{"type": "text", "text": ""}] * 100_000}],
        [{"role": "user", "content": [[{}] * 100]}] * 1000,
        [{"role": "user", "content": [{}] * 10}] * 10_000,
    ],
    ids=["messages", "parts", "nested parts", "messages with parts"],
)
def test_so_many_pieces_are_looked_at_and_no_more(messages: list[Any]) -> None:
    assert len(found({"messages": messages})) <= MOST_PIECES
    assert Turn("user", "Why?") not in found({"messages": [SAID, *messages]})
    assert found({"messages": [*messages, SAID]})[0] == Turn("user", "Why?")


def test_calls_of_the_model_are_counted_too() -> None:
    calls = [{"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"}]
    assert found({"input": [SAID, *calls * MOST_PIECES]}, "/v1/responses") == []
    assert found({"input": [SAID, *calls * (MOST_PIECES - 1)]}, "/v1/responses") == [Turn("user", "Why?")]
