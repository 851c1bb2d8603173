"""Tests that the events of a chat completion add up to what the official SDK makes of them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gateway.formats import chat
from tests.builders.streams import chat_chunk, chat_streams, data_of


def of_the_sdk(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    state = ChatCompletionStreamState()
    for chunk in chunks:
        list(state.handle_chunk(ChatCompletionChunk.model_validate(chunk)))
    return state.get_final_completion().model_dump()


def without_index(calls: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [
        {
            "id": call["id"],
            "type": call["type"],
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"],
        }
        for call in calls or []
    ]


@given(chat_streams())
def test_the_events_add_up_to_what_the_sdk_makes_of_them(chunks: list[dict[str, Any]]) -> None:
    ours = chat.assembled([*data_of(chunks), b"[DONE]"])
    ChatCompletion.model_validate(ours)
    theirs = of_the_sdk(chunks)
    for key in ("id", "created", "model", "object", "system_fingerprint"):
        assert ours[key] == theirs[key]
    assert ours["usage"]["total_tokens"] == theirs["usage"]["total_tokens"]
    assert len(ours["choices"]) == len(theirs["choices"])
    for mine, sdk in zip(ours["choices"], theirs["choices"], strict=True):
        assert (mine["index"], mine["finish_reason"]) == (sdk["index"], sdk["finish_reason"])
        for key in ("role", "content", "refusal", "reasoning_content"):
            assert mine["message"].get(key) == sdk["message"].get(key)
        assert without_index(mine["message"].get("tool_calls")) == without_index(sdk["message"]["tool_calls"])


NAMES = st.none() | st.sampled_from(["a", "b"])
TEXT_EVENTS = st.fixed_dictionaries(
    {
        "id": st.just("chatcmpl-1"),
        "object": st.just("chat.completion.chunk"),
        "created": st.integers(1, 3),
        "model": st.sampled_from(["m", "n"]),
        "choices": st.tuples(
            st.fixed_dictionaries(
                {"index": st.integers(0, 1), "delta": st.fixed_dictionaries({"content": st.text(max_size=3)})},
                optional={"finish_reason": st.none() | st.just("stop"), "logprobs": st.none()},
            )
        ).map(list),
    },
    optional={"system_fingerprint": NAMES, "service_tier": NAMES, "usage": st.none(), "obfuscation": st.text()},
)


@given(st.lists(TEXT_EVENTS, min_size=1))
def test_texts_that_are_read_in_one_go_add_up_like_those_read_one_by_one(chunks: list[dict[str, Any]]) -> None:
    one_by_one = chat.assembled(data_of([{**chunk, "x_unknown": 1} for chunk in chunks]))
    assert one_by_one.pop("x_unknown") == 1
    assert chat.assembled(data_of(chunks)) == one_by_one


def test_the_probabilities_of_tokens_follow_on_each_other() -> None:
    chunks = [chat_chunk({"content": t}, logprobs={"content": [{"token": t}], "refusal": None}) for t in "ab"]
    (choice,) = chat.assembled(data_of(chunks))["choices"]
    assert choice["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}], "refusal": None}


def test_the_legacy_call_and_members_that_nobody_knows_are_kept() -> None:
    chunks = [
        chat_chunk({"function_call": {"name": "f", "arguments": "{"}, "x_new": "a"}),
        chat_chunk({"function_call": {"arguments": "}"}, "x_new": "b"}),
    ]
    (choice,) = chat.assembled(data_of(chunks))["choices"]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert choice["message"]["x_new"] == "ab"


def test_a_first_chunk_without_choices_is_no_obstacle() -> None:
    prelude = {"id": "", "model": "", "choices": [], "prompt_filter_results": [1]}
    reply = chat.assembled(data_of([prelude, chat_chunk({"content": "a"})]))
    assert (reply["id"], reply["model"], reply["prompt_filter_results"]) == ("chatcmpl-1", "m", [1])


def test_what_was_told_is_not_taken_back_by_a_later_null() -> None:
    first = {**chat_chunk({}, finish_reason="stop"), "usage": {"total_tokens": 5}}
    reply = chat.assembled(data_of([first, {**chat_chunk({}), "usage": None}]))
    assert (reply["choices"][0]["finish_reason"], reply["usage"]) == ("stop", {"total_tokens": 5})


def test_a_custom_call_is_assembled() -> None:
    start = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "g", "input": ""}}
    chunks = [
        chat_chunk({"tool_calls": [start]}),
        chat_chunk({"tool_calls": [{"index": 0, "custom": {"input": "hi"}}]}),
    ]
    (found,) = chat.calls(chat.assembled(data_of(chunks)))
    assert (found.call.kind, found.call.name, found.call.arguments) == ("custom", "g", "hi")


def test_long_streams_take_time_in_proportion() -> None:
    data = data_of([chat_chunk({"content": "word "})]) * 20_000
    assert len(chat.assembled(data)["choices"][0]["message"]["content"]) == 100_000


def test_no_events_are_no_reply() -> None:
    assert chat.assembled([b"[DONE]"]) is None
