"""Chat completions, asked by the official SDK."""

import json

import httpx
import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel


def ask(client: OpenAI, text: str, **options):
    return client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}], **options)


def test_the_fixed_paragraph_names_the_model_and_echoes_the_question(client):
    completion = ask(client, "What is a gateway?")
    text = completion.choices[0].message.content
    assert "gpt-4o" in text
    assert "What is a gateway?" in text
    assert "simulated" in text
    assert completion.choices[0].finish_reason == "stop"


def test_the_same_question_gets_the_same_answer(client):
    assert ask(client, "Again?").choices[0].message == ask(client, "Again?").choices[0].message


def test_say_is_said_word_for_word_line_by_line(client):
    assert ask(client, "ignored\n!say Grüße, 世界\n!say and more").choices[0].message.content == "Grüße, 世界\nand more"


def test_only_the_last_user_message_gives_directives(client):
    completion = client.chat.completions.create(
        model="gpt-4o",
        messages=[
            {"role": "user", "content": "!say old"},
            {"role": "assistant", "content": "old"},
            {"role": "user", "content": [{"type": "text", "text": "!say new"}]},
        ],
    )
    assert completion.choices[0].message.content == "new"


def test_usage_is_counted_with_the_o200k_vocabulary(client):
    usage = ask(client, "!long 100").usage
    assert usage.completion_tokens == 100
    # Three for the message, one for its role, "!long 100" is four (`!`, `long`, ` `, `100`), three for the answer.
    assert usage.prompt_tokens == 11
    assert usage.total_tokens == 111


def test_a_stream_carries_the_same_text_as_the_whole_answer(client):
    whole = ask(client, "Hello\n!chunks 50").choices[0].message.content
    deltas = [chunk.choices[0].delta.content or "" for chunk in ask(client, "Hello\n!chunks 50", stream=True)]
    assert "".join(deltas) == whole
    assert len([delta for delta in deltas if delta]) == 50


def test_a_stream_ends_with_usage_only_when_asked(client):
    with_usage = list(ask(client, "!say hi", stream=True, stream_options={"include_usage": True}))
    assert with_usage[-1].choices == []
    assert with_usage[-1].usage.completion_tokens == 1
    assert all(chunk.usage is None for chunk in ask(client, "!say hi", stream=True))


def test_a_stream_ends_with_done(http):
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "!say hi"}]}
    reply = http.post("/v1/chat/completions", json=body)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.text.endswith("data: [DONE]\n\n")


def test_a_tool_call_comes_back_with_its_result_in_the_answer(client):
    messages = [{"role": "user", "content": '!tool weather {"city": "Oslo"}'}]
    first = client.chat.completions.create(model="gpt-4o", messages=messages)
    call = first.choices[0].message.tool_calls[0]
    assert first.choices[0].finish_reason == "tool_calls"
    assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Oslo"}')
    messages += [
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "minus five degrees"},
    ]
    second = client.chat.completions.create(model="gpt-4o", messages=messages)
    assert second.choices[0].message.tool_calls is None
    assert second.choices[0].message.content == "The tool weather answered: minus five degrees"


def test_tools_are_called_together_and_lines_one_after_the_other(client):
    messages = [{"role": "user", "content": '!tools a {"x": {"y": 1}} b {}\n!tool c {"z": 2}\n!say Ready.'}]
    names = []
    for _ in range(2):
        message = client.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message
        names.append([call.function.name for call in message.tool_calls])
        messages.append(message.model_dump(exclude_none=True))
        messages += [{"role": "tool", "tool_call_id": call.id, "content": "ok"} for call in message.tool_calls]
    last = client.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message
    assert names == [["a", "b"], ["c"]]
    assert last.content == "Ready.\nThe tool c answered: ok"


def test_without_parallel_calls_each_comes_in_its_turn(client):
    message = ask(client, "!tools a {} b {}", parallel_tool_calls=False).choices[0].message
    assert [call.function.name for call in message.tool_calls] == ["a"]


def test_streamed_calls_are_put_together_by_the_sdk(client):
    question = {"role": "user", "content": '!say Wait.\n!tools a {"text": "long enough to be cut"} b {"n": 1}'}
    with client.chat.completions.stream(model="gpt-4o", messages=[question]) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.content == "Wait."
    assert [(call.function.name, call.function.arguments) for call in message.tool_calls] == [
        ("a", '{"text": "long enough to be cut"}'),
        ("b", '{"n": 1}'),
    ]


def test_a_required_tool_is_called_with_arguments_that_fit_its_schema(client):
    parameters = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}, "required": ["n"]}
    tools = [{"type": "function", "function": {"name": "count", "parameters": parameters}}]
    call = ask(client, "Do.", tools=tools, tool_choice="required").choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"n": 3}


def test_tool_choice_none_leaves_no_calls(client):
    assert ask(client, "!tool f {}", tool_choice="none").choices[0].message.tool_calls is None


def test_a_custom_tool_is_called_with_free_text(client):
    tools = [{"type": "custom", "custom": {"name": "shell"}}]
    call = ask(client, "!tool shell ls -l", tools=tools).choices[0].message.tool_calls[0]
    assert (call.type, call.custom.name, call.custom.input) == ("custom", "shell", "ls -l")


def test_legacy_functions_are_called_in_the_legacy_way(client):
    choice = ask(client, "!tool f {}", functions=[{"name": "f", "parameters": {}}]).choices[0]
    assert choice.finish_reason == "function_call"
    assert choice.message.function_call.name == "f"


def test_stop_max_tokens_and_n_are_respected(client):
    assert ask(client, "!say one two three", stop=[" three"]).choices[0].message.content == "one two"
    cut = ask(client, "!long 50", max_completion_tokens=5)
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage.completion_tokens == 5
    assert [choice.index for choice in ask(client, "!say hi", n=3).choices] == [0, 1, 2]


def test_several_choices_are_streamed_side_by_side(client):
    texts = {0: "", 1: ""}
    for chunk in ask(client, "!say a b c", n=2, stream=True):
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert texts == {0: "a b c", 1: "a b c"}


class Step(BaseModel):
    title: str
    minutes: int
    next: "Step | None"


def test_a_structured_answer_parses(client):
    completion = client.chat.completions.parse(
        model="gpt-4o", messages=[{"role": "user", "content": "Plan."}], response_format=Step
    )
    assert isinstance(completion.choices[0].message.parsed, Step)


def test_a_json_object_is_answered_with_json(client):
    text = ask(client, "Plan.", response_format={"type": "json_object"}).choices[0].message.content
    assert "Plan." in json.loads(text)["answer"]


def test_an_asked_error_comes_with_its_headers(client):
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client, "!error 429 retry-after=2 code=slow", stream=True)
    assert caught.value.response.headers["retry-after"] == "2"
    assert caught.value.code == "slow"


def test_an_asked_error_may_come_in_the_middle(client):
    seen = []
    stream = ask(client, "!say a b c\n!error 503 after=2", stream=True)
    with pytest.raises(openai.APIError, match="status 503"):
        for chunk in stream:
            seen.append(chunk.choices[0].delta.content)
    assert seen == ["", "a", " b"]


def test_a_cut_breaks_the_stream_after_so_many_chunks(http):
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "!say a b c d\n!cut 3"}]}
    received = b""
    with http.stream("POST", "/v1/chat/completions", json=body) as reply, pytest.raises(httpx.RemoteProtocolError):
        for data in reply.iter_bytes():
            received += data
    assert received.count(b'"content":') == 1 + 3
    assert b"[DONE]" not in received


def test_a_cut_breaks_a_whole_answer_too(http):
    body = {"model": "m", "messages": [{"role": "user", "content": "!cut 1"}]}
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/v1/chat/completions", json=body)


def test_a_directive_that_cannot_be_read_is_told(client):
    with pytest.raises(openai.BadRequestError, match="!delay MILLISECONDS"):
        ask(client, "!delay soon")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"model": "m"', None),
        (b'{"messages": []}', "missing_required_parameter"),
        (b'{"model": "m"}', "missing_required_parameter"),
        (b'{"model": "m", "messages": []}', "empty_array"),
        (b'{"model": 1, "messages": []}', "invalid_type"),
        (b'{"model": "m", "messages": [{"role": "user", "content": 7}]}', "invalid_type"),
        (b'{"model": "m", "messages": [{"role": "user", "content": "\\ud800"}]}', None),
        (b'{"model": "m", "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", None),
        (b"\xff\xfe{}", None),
        (b"", None),
    ],
)
def test_a_wrong_body_is_400_in_openai_shape(http, body, code):
    reply = http.post("/v1/chat/completions", content=body)
    assert reply.status_code == 400
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert reply.json()["error"]["code"] == code


def test_a_missing_model_is_404(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="missing-model", messages=[{"role": "user", "content": "x"}])
    assert caught.value.code == "model_not_found"


def test_a_stored_completion_is_found_again_until_deleted(client):
    completion = ask(client, "!say kept", store=True, metadata={"k": "v"})
    assert client.chat.completions.retrieve(completion.id).choices[0].message.content == "kept"
    assert completion.id in [kept.id for kept in client.chat.completions.list()]
    assert client.chat.completions.delete(completion.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.retrieve(completion.id)
