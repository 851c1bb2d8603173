"""Websockets of the official SDK, through a gateway to the simulator."""

from collections.abc import Iterator

import pytest
from openai import AsyncOpenAI, OpenAI

from gateway.simulator import create_app
from tests.builders.gateway import RunningGateway, running_gateway
from tests.builders.servers import run_server

# The SDK connects in a way that websockets 17 has begun to warn of.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    with run_server(create_app()) as simulator, running_gateway(simulator) as running:
        yield running


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=gateway.base_url, api_key="sk-any", max_retries=0) as client:
        yield client


def an_item(text):
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def test_a_realtime_session_is_held(client):
    with client.realtime.connect(model="gpt-realtime") as connection:
        assert connection.recv().session.model == "gpt-realtime"
        connection.session.update(session={"type": "realtime", "instructions": "Be brief."})
        assert connection.recv().session.instructions == "Be brief."
        connection.conversation.item.create(item=an_item("!say one two"))
        connection.response.create()
        for event in connection:
            if event.type == "response.done":
                break
        assert event.response.output[0].content[0].text == "one two"


async def test_a_realtime_session_is_held_without_blocking(gateway):
    async with (
        AsyncOpenAI(base_url=gateway.base_url, api_key="sk-any", max_retries=0) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        assert (await connection.recv()).session.model == "gpt-realtime"
        await connection.conversation.item.create(item=an_item("!say three"))
        await connection.response.create()
        async for event in connection:
            if event.type == "response.done":
                break
        assert event.response.output[0].content[0].text == "three"


def test_responses_are_made_over_one_websocket(client):
    with client.responses.connect() as connection:
        for text in ("four", "five"):
            connection.response.create(model="gpt-4.1", input=f"!say {text}")
            for event in connection:
                if event.type == "response.completed":
                    break
            assert event.response.output[0].content[0].text == text


LOOKUP = {"type": "function", "name": "lookup", "parameters": {"type": "object", "properties": {}}}


def until(connection, kind):
    """The events up to the first of a kind."""
    events = []
    for event in connection:
        events.append(event)
        if event.type == kind:
            return events
    raise AssertionError("The connection closed early.")


def test_a_tool_of_a_session_is_called_and_its_result_heard(client):
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(session={"type": "realtime", "tools": [LOOKUP]})
        connection.conversation.item.create(item=an_item('!tool lookup {"a": 1}'))
        connection.response.create()
        (call,) = until(connection, "response.done")[-1].response.output
        assert (call.name, call.arguments) == ("lookup", '{"a": 1}')
        item = {"type": "function_call_output", "call_id": call.call_id, "output": "fifty"}
        connection.conversation.item.create(item=item)
        connection.response.create()
        assert "fifty" in until(connection, "response.done")[-1].response.output[0].content[0].text


def test_a_tool_that_a_session_does_not_have_is_an_error_and_the_session_goes_on(gateway, client):
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(session={"type": "realtime", "tools": [LOOKUP]})
        connection.conversation.item.create(item=an_item("!tool wipe_disk {}"))
        connection.response.create()
        told = until(connection, "response.done")
        (error,) = [each for each in told if each.type == "error"]
        assert error.error.code == "tool_not_offered"
        assert told[-1].response.output == []
        assert [each.type for each in told if "function_call" in each.type] == []
        connection.conversation.item.create(item=an_item("!say one"))
        connection.response.create()
        assert until(connection, "response.done")[-1].response.output[0].content[0].text == "one"
    record = gateway.record_of(error.event_id)
    assert [each["name"] for each in record["tools"]["blocked"]] == ["wipe_disk"]


def test_a_tool_of_a_response_is_called_and_another_one_is_an_error(gateway, client):
    with client.responses.connect() as connection:
        connection.response.create(model="gpt-4.1", input="!tool lookup {}", tools=[LOOKUP])
        (call,) = until(connection, "response.completed")[-1].response.output
        assert call.name == "lookup"
        connection.response.create(model="gpt-4.1", input="!tool wipe_disk {}", tools=[LOOKUP])
        told = until(connection, "error")
        assert [each.type for each in told] == ["response.created", "response.in_progress", "error"]
        connection.response.create(model="gpt-4.1", input="!say one")
        assert until(connection, "response.completed")[-1].response.output[0].content[0].text == "one"


def test_each_response_stands_in_the_record_with_its_tokens_tools_and_websocket(gateway, client):
    with client.responses.connect() as connection:
        connection.response.create(model="gpt-4.1", input="!say one", tools=[LOOKUP])
        response = until(connection, "response.completed")[-1].response
        record = [line for line in gateway.lines() if line["event"] == "ended"][-1]
    assert record["usage"]["input_tokens"] == response.usage.input_tokens
    assert (record["model_used"], record["outcome"]) == ("gpt-4.1", "answered")
    assert (record["cost"] > 0, record["tools"]) == (True, {"allowed": ["lookup"]})
    assert gateway.record_of(record["websocket"])["status"] == 101


def test_a_session_is_one_exchange_that_was_answered(gateway, client):
    before = len(gateway.lines())
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.recv()
        began = gateway.lines()[before:]
        assert [(line["event"], line["endpoint"], line["model"]) for line in began] == [
            ("began", "realtime", "gpt-realtime")
        ]
    record = gateway.record_of(began[0]["audit_id"])
    assert (record["outcome"], record["status"], record["endpoint"]) == ("answered", 101, "realtime")
    assert record["upstream_request_id"].startswith("req_")
    assert record.get("error") is None
    assert [step["hook"] for step in record["trail"]] == ["identify", "admit", "admit", "admit"]


def test_a_refusal_of_the_upstream_is_the_clients(gateway):
    with (
        OpenAI(base_url=gateway.base_url, api_key="sk-bad", max_retries=0) as client,
        pytest.raises(Exception, match="401"),
        client.realtime.connect(model="gpt-realtime"),
    ):
        pass


def test_a_get_without_an_upgrade_is_an_ordinary_get(gateway, client):
    answer = client._client.get(f"{gateway.base_url}/realtime", headers={"Authorization": "Bearer sk-any"})
    assert answer.headers["x-lukhas-audit-id"].startswith("A-")
    record = gateway.record_of(answer.headers["x-lukhas-audit-id"])
    assert (record["endpoint"], record["status"]) == ("other", answer.status_code)
