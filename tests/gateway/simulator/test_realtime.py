"""Realtime sessions, by the official SDK."""

import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

# The SDK connects in a way that websockets 17 has begun to warn of.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")

EVENT = TypeAdapter(RealtimeServerEvent)


def until_done(connection):
    """The events up to the end of the response, each checked against the types of the SDK."""
    events = []
    for event in connection:
        EVENT.validate_python(event.model_dump(by_alias=True))
        events.append(event)
        if event.type in ("response.done", "error"):
            return events
    raise AssertionError("The connection closed early.")


def say(connection, text):
    part = {"type": "input_text", "text": text}
    connection.conversation.item.create(item={"type": "message", "role": "user", "content": [part]})
    assert [connection.recv().type for _ in range(2)] == ["conversation.item.added", "conversation.item.done"]


@pytest.fixture
def connection(client):
    with client.realtime.connect(model="gpt-realtime") as connection:
        assert connection.recv().session.model == "gpt-realtime"
        yield connection


def test_a_session_takes_changes(connection):
    connection.session.update(session={"type": "realtime", "instructions": "Be brief."})
    assert connection.recv().session.instructions == "Be brief."


def test_a_response_is_told_from_created_to_done(connection):
    say(connection, "!say one two")
    connection.response.create()
    events = until_done(connection)
    assert [event.type for event in events] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert events[-1].response.output[0].content[0].text == "one two"
    assert events[-1].response.usage.output_tokens == 2


def test_a_tool_result_is_used_in_the_answer(connection):
    say(connection, '!tool weather {"city": "Oslo"}')
    connection.response.create()
    call = until_done(connection)[-1].response.output[0]
    assert (call.name, call.arguments) == ("weather", '{"city": "Oslo"}')
    connection.conversation.item.create(
        item={"type": "function_call_output", "call_id": call.call_id, "output": "minus five"}
    )
    connection.recv(), connection.recv()
    connection.response.create()
    answer = until_done(connection)[-1].response.output[0]
    assert answer.content[0].text == "The tool weather answered: minus five"


def test_audio_is_taken_and_answered_in_text(connection):
    connection.input_audio_buffer.append(audio="AAAA")
    connection.input_audio_buffer.commit()
    assert connection.recv().type == "input_audio_buffer.committed"
    connection.recv(), connection.recv()
    connection.response.create()
    assert "simulated" in until_done(connection)[-1].response.output[0].content[0].text


def test_an_asked_error_is_an_event(connection):
    say(connection, "!error 429 code=slow")
    connection.response.create()
    assert until_done(connection)[-1].error.code == "slow"
