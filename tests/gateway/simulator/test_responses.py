"""Responses, asked by the official SDK."""

import json

import openai
import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

EVENT = TypeAdapter(ResponseStreamEvent)


def ask(client, text, /, **options):
    return client.responses.create(model="gpt-5", input=text, **options)


def streamed(http, text, **options):
    """The events of a stream as they are on the wire."""
    reply = http.post("/v1/responses", json={"model": "gpt-5", "input": text, "stream": True, **options})
    blocks = [block.split("\n") for block in reply.text.strip().split("\n\n")]
    events = [json.loads(data.removeprefix("data: ")) for _, data in blocks]
    assert [name.removeprefix("event: ") for name, _ in blocks] == [event["type"] for event in events]
    return events


def test_the_answer_names_the_model_and_echoes_the_question(client):
    response = ask(client, "What is a hook?", instructions="Be brief.", metadata={"k": "v"}, temperature=0.5)
    assert "gpt-5" in response.output_text
    assert "What is a hook?" in response.output_text
    assert (response.status, response.metadata, response.temperature) == ("completed", {"k": "v"}, 0.5)


def test_usage_is_counted(client):
    usage = ask(client, "!long 20").usage
    # Three for the answer, three and one for the message and its role, four for "!long 20".
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (11, 20, 31)


def test_a_stream_has_every_event_in_its_place(http):
    events = streamed(http, "!say one two")
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(10))
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "one two"


SEARCHES = "!search web_search rivers of Norway\n!search file_search ships"


@pytest.mark.parametrize("text", ["!say hi", '!say hi\n!tools a {"x": 1} b {}', "!long 20", f"{SEARCHES}\n!say hi"])
def test_every_event_fits_the_types_of_the_sdk(http, text):
    for event in streamed(http, text, max_output_tokens=16):
        EVENT.validate_python(event)


def test_searches_stand_ahead_of_the_answer_to_the_user_and_to_nobody_else(client):
    first = ask(client, f"{SEARCHES}\n!tool weather {{}}")
    assert [item.type for item in first.output] == ["web_search_call", "file_search_call", "function_call"]
    assert (first.output[0].action.query, first.output[1].queries) == ("rivers of Norway", ["ships"])
    result = {"type": "function_call_output", "call_id": first.output[2].call_id, "output": "rain"}
    second = ask(client, [result], previous_response_id=first.id)
    assert [item.type for item in second.output] == ["message"]
    told = ask(client, [{"role": "user", "content": SEARCHES}, {"role": "system", "content": "Do not search."}])
    assert [item.type for item in told.output] == ["message"]


def test_a_search_of_what_there_is_not_is_told(client):
    with pytest.raises(openai.BadRequestError, match="!search TOOL QUERY"):
        ask(client, "!search nowhere rivers")


def test_calls_are_streamed_as_items_with_their_own_index(http):
    events = streamed(http, '!say Wait.\n!tools a {"x": 1} b {}')
    added = [event for event in events if event["type"] == "response.output_item.added"]
    assert [(event["output_index"], event["item"]["type"]) for event in added] == [
        (0, "message"),
        (1, "function_call"),
        (2, "function_call"),
    ]
    assert all(event["item"]["arguments"] == "" for event in added[1:])
    deltas = [event["delta"] for event in events if event["type"] == "response.function_call_arguments.delta"]
    assert "".join(deltas) == '{"x": 1}{}'


def test_a_tool_result_is_used_in_the_answer(client):
    items = [{"role": "user", "content": '!tool weather {"city": "Oslo"}'}]
    first = client.responses.create(model="gpt-5", input=items)
    call = first.output[0]
    assert (call.type, call.name, call.arguments) == ("function_call", "weather", '{"city": "Oslo"}')
    items += [
        call.model_dump(exclude_none=True),
        {"type": "function_call_output", "call_id": call.call_id, "output": "minus five"},
    ]
    assert client.responses.create(model="gpt-5", input=items).output_text == "The tool weather answered: minus five"


def test_a_conversation_goes_on_from_the_previous_response(client):
    first = ask(client, "!tool weather {}")
    result = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "sun"}
    second = client.responses.create(model="gpt-5", input=[result], previous_response_id=first.id)
    assert second.output_text == "The tool weather answered: sun"


def test_an_unknown_previous_response_is_told(client):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, "x", previous_response_id="resp_none")
    assert caught.value.code == "previous_response_not_found"


def test_a_custom_tool_is_called_with_free_text(client):
    call = ask(client, "!tool shell ls -l", tools=[{"type": "custom", "name": "shell"}]).output[0]
    assert (call.type, call.name, call.input) == ("custom_tool_call", "shell", "ls -l")


def test_a_response_that_is_too_long_is_incomplete(client, http):
    response = ask(client, "!long 50", max_output_tokens=16)
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert response.usage.output_tokens == 16
    assert streamed(http, "!long 50", max_output_tokens=16)[-1]["type"] == "response.incomplete"


class Plan(BaseModel):
    title: str
    steps: list[str]


def test_a_structured_answer_parses(client):
    assert isinstance(client.responses.parse(model="gpt-5", input="x", text_format=Plan).output_parsed, Plan)


def test_a_response_is_kept_told_again_and_deleted(client):
    response = ask(client, "!say kept")
    assert client.responses.retrieve(response.id).output_text == "kept"
    assert client.responses.input_items.list(response.id).data[0].content[0].text == "!say kept"
    again = list(client.responses.retrieve(response.id, stream=True, starting_after=3))
    assert [event.sequence_number for event in again] == [4, 5, 6, 7, 8]
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_a_response_that_is_not_stored_is_not_kept(client):
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(ask(client, "x", store=False).id)


def test_a_background_response_waits_and_can_be_cancelled(client):
    waiting = ask(client, "!say later", background=True)
    assert (waiting.status, waiting.output) == ("queued", [])
    assert client.responses.retrieve(waiting.id).output_text == "later"
    assert client.responses.cancel(waiting.id).status == "cancelled"
    assert client.responses.retrieve(waiting.id).status == "cancelled"


def test_an_error_in_the_middle_is_an_event(http):
    events = streamed(http, "!say a b c\n!error 500 after=1")
    assert [event["type"] for event in events[-2:]] == ["response.output_text.delta", "error"]
    assert events[-1]["sequence_number"] == len(events) - 1


def test_an_error_before_the_start_is_a_status(client):
    with pytest.raises(openai.InternalServerError):
        ask(client, "!error 503", stream=True)


def test_input_tokens_are_counted_without_an_answer(client):
    assert client.responses.input_tokens.count(model="gpt-5", input="!long 20").input_tokens == 11


def test_model_and_input_are_needed(http):
    assert http.post("/v1/responses", json={"input": "x"}).json()["error"]["param"] == "model"
    assert http.post("/v1/responses", json={"model": "m"}).json()["error"]["param"] == "input"


def test_tools_are_called_together_and_lines_one_after_the_other(client):
    response = ask(client, "!tools a {} b {}\n!tool c {}\n!say Ready.")
    names = []
    while calls := [item for item in response.output if item.type == "function_call"]:
        names.append([call.name for call in calls])
        results = [{"type": "function_call_output", "call_id": call.call_id, "output": call.name} for call in calls]
        response = client.responses.create(model="gpt-5", input=results, previous_response_id=response.id)
    assert names == [["a", "b"], ["c"]]
    assert response.output_text == "Ready.\nThe tool c answered: c"


def test_a_result_made_of_parts_is_read(client):
    first = ask(client, "!tool look {}")
    parts = [{"type": "input_text", "text": "a cat"}]
    result = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": parts}
    second = client.responses.create(model="gpt-5", input=[result], previous_response_id=first.id)
    assert second.output_text == "The tool look answered: a cat"


def test_a_json_object_is_answered_with_json(client):
    text = ask(client, "Plan.", text={"format": {"type": "json_object"}}).output_text
    assert "Plan." in json.loads(text)["answer"]
