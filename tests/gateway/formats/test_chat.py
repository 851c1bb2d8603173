"""Tests of the format of chat completions."""

from typing import Any

from gateway.answers import Set, ToolCall
from gateway.formats import chat
from gateway.formats.found import CallDelta, Piece
from tests.builders.streams import chat_chunk

REPLY: dict[str, Any] = {
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hello",
                "refusal": "No",
                "reasoning_content": "Hm",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "raw"}},
                ],
            },
        },
        {"index": 1, "message": {"content": None, "function_call": {"name": "old", "arguments": "[]"}}},
    ]
}


def test_each_text_of_a_reply_is_found_with_its_path() -> None:
    found = {(piece.path[2:], piece.channel, piece.choice, piece.text) for piece in chat.pieces(REPLY)}
    assert found == {
        (("message", "content"), "text", 0, "Hello"),
        (("message", "refusal"), "refusal", 0, "No"),
        (("message", "reasoning_content"), "reasoning", 0, "Hm"),
        (("message", "tool_calls", 0, "function", "arguments"), "arguments", 0, "{}"),
        (("message", "tool_calls", 1, "custom", "input"), "arguments", 0, "raw"),
        (("message", "function_call", "arguments"), "arguments", 1, "[]"),
    }


def test_the_calls_of_a_reply_are_found_whatever_their_kind() -> None:
    assert [(found.call, found.path[1:]) for found in chat.calls(REPLY)] == [
        (ToolCall("c1", "f", "{}", 0, 0, "function"), (0, "message", "tool_calls", 0)),
        (ToolCall("c2", "g", "raw", 0, 1, "custom"), (0, "message", "tool_calls", 1)),
        (ToolCall("", "old", "[]", 1), (1, "message", "function_call")),
    ]


def test_the_arguments_of_a_delta_are_found_where_it_has_nothing_else() -> None:
    call = {"index": 3, "function": {"arguments": "{"}}
    (piece,) = chat.event_pieces(chat_chunk({"tool_calls": [call]}))
    assert (piece.channel, piece.text, piece.place) == ("arguments", "{", ("tool_calls", 3))


def test_content_in_parts_is_read_part_by_part() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}, {"type": "text", "text": "Hi"}]
    event = chat_chunk({"content": parts})
    assert [(piece.channel, piece.text) for piece in chat.event_pieces(event)] == [("reasoning", "Hm"), ("text", "Hi")]


def test_the_probabilities_of_a_text_change_along_with_it() -> None:
    event = chat_chunk({"content": "x"}, logprobs={"content": [{"token": "x"}]})
    (piece,) = chat.event_pieces(event)
    assert piece.along == (Set(("choices", 0, "logprobs"), None),)


def test_a_thought_that_is_told_twice_stands_in_two_lanes() -> None:
    event = chat_chunk({"reasoning": "Hm", "reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]})
    first, second = chat.event_pieces(event)
    assert (first.text, first.channel) == (second.text, second.channel)
    assert first.lane != second.lane


def test_a_delta_of_a_call_says_what_it_adds() -> None:
    event = chat_chunk({"tool_calls": [{"index": 2, "id": "c", "function": {"name": "f", "arguments": "{"}}]}, 1)
    path = ("choices", 0, "delta", "tool_calls", 0)
    assert chat.event_calls(event) == [CallDelta(1, 2, "c", "f", "{", False, ("tool_calls", 2), path=path)]


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    calls = [{"id": "a", "function": {"name": "f"}}, {"id": "b", "function": {"name": "g"}}]
    places = {delta.place for call in calls for delta in chat.event_calls(chat_chunk({"tool_calls": [call]}))}
    assert len(places) == 2


def test_a_choice_ends_with_its_finish_reason_and_the_stream_with_done() -> None:
    assert chat.ended_choices(chat_chunk({}, 3, finish_reason="stop")) == [3]
    assert chat.ended_choices(chat_chunk({"content": "x"})) == []
    assert chat.ends(b"[DONE]", None)
    assert not chat.ends(b'{"choices": "[DONE]"}', {})
    assert chat.may_end(b"data: [DONE]\n\n")
    assert not chat.may_end(b"data: {}\n\n")


def test_the_text_to_count_holds_texts_arguments_and_names() -> None:
    assert set(chat.output_text(REPLY).split("\n")) == {"Hello", "No", "Hm", "{}", "raw", "[]", "f", "g", "old"}


def test_a_piece_is_a_string_of_the_reply() -> None:
    assert chat.event_pieces(chat_chunk({"content": "a"}, 4)) == [
        Piece(("choices", 0, "delta", "content"), "text", 4, "a", "content", False)
    ]
