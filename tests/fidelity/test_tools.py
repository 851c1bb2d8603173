"""Tools that governance lets out work with the official SDK as they do directly, and others do not go out."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from gateway.simulator import create_app
from tests.builders.gateway import running_gateway
from tests.builders.servers import run_server
from tests.fidelity.test_sdk import WEATHER, client_of, said

RULES = """
client_tools: listed
listed: [weather, "note*", web_search, "mcp:wiki"]
"""
MODEL = "gpt-4o"
DELETE: Any = {
    "type": "function",
    "function": {"name": "delete_all", "parameters": {"type": "object", "properties": {}}},
}
NOTE: Any = {"type": "custom", "custom": {"name": "note", "description": "Writes a note."}}
TWO = '!tools weather {"city": "Oslo"} weather {"city": "Rome"}'
ONE = '!tool weather {"city": "Oslo"}'


class Weather(BaseModel):
    """The arguments of a strict function."""

    city: str
    days: int


STRICT: Any = openai.pydantic_function_tool(Weather, name="weather")


def flat(tool: dict[str, Any]) -> Any:
    """Gives a function in the form of the responses endpoint."""
    return {"type": "function", **tool["function"], "strict": tool["function"].get("strict", False)}


@pytest.fixture(scope="module")
def direct() -> Iterator[str]:
    """The base URL of a simulator of its own, whose ids count up from one."""
    with run_server(create_app(lambda: 1_700_000_000)) as url:
        yield f"{url}/v1"


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a gateway whose rules list some tools, before another such simulator."""
    folder = tmp_path_factory.mktemp("policies")
    (folder / "tools.yaml").write_text(RULES)
    with (
        run_server(create_app(lambda: 1_700_000_000)) as url,
        running_gateway(url, policies={"folder": str(folder)}) as running,
    ):
        yield running.base_url


def chat(client: OpenAI, text: str, **members: Any) -> Any:
    return client.chat.completions.create(model=MODEL, messages=said(text), **members)


def parallel_calls(client: OpenAI) -> Any:
    made = chat(client, TWO, tools=[WEATHER, NOTE])
    calls = made.choices[0].message.tool_calls
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Oslo", "Rome"]
    return made


def no_parallel_calls(client: OpenAI) -> Any:
    made = chat(client, TWO, tools=[WEATHER], parallel_tool_calls=False)
    assert len(made.choices[0].message.tool_calls) == 1
    return made


def a_forced_choice(client: OpenAI) -> Any:
    made = chat(client, "Hello", tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "weather"}})
    assert made.choices[0].message.tool_calls[0].function.name == "weather"
    return (
        made,
        chat(client, "Hello", tools=[WEATHER], tool_choice="required"),
        chat(client, ONE, tools=[WEATHER], tool_choice="none"),
    )


def a_strict_schema(client: OpenAI) -> Any:
    text = '!tool weather {"city": "Oslo", "days": 2}'
    parsed = client.chat.completions.parse(model=MODEL, messages=said(text), tools=[STRICT])
    (call,) = parsed.choices[0].message.tool_calls or []
    assert call.function.parsed_arguments == Weather(city="Oslo", days=2)
    return parsed


def a_custom_tool(client: OpenAI) -> Any:
    return chat(client, '!tool note {"text": "x"}', tools=[NOTE])


def deltas(client: OpenAI) -> Any:
    return [list(chat(client, text, tools=[WEATHER], stream=True)) for text in (ONE, TWO, f"{TWO}\n!chunks 7")]


def a_stream_that_helps(client: OpenAI) -> Any:
    text = '!tool weather {"city": "Oslo", "days": 2}'
    with client.chat.completions.stream(model=MODEL, messages=said(text), tools=[STRICT]) as stream:
        return [event.model_dump() for event in stream], stream.get_final_completion().model_dump()


def functions_of_the_old_form(client: OpenAI) -> Any:
    made = chat(client, ONE, functions=[WEATHER["function"]], function_call={"name": "weather"})
    assert made.choices[0].message.function_call.name == "weather"
    return made, list(chat(client, ONE, functions=[WEATHER["function"]], stream=True))


def a_loop_of_the_clients_own(client: OpenAI) -> Any:
    messages: list[Any] = said(f"{ONE}\n{TWO}\n!say done")
    turns = []
    while True:
        made = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
        turns.append(made)
        message = made.choices[0].message
        if not message.tool_calls:
            assert len(turns) == 3
            return turns
        messages.append(message.model_dump(exclude_none=True))
        messages += [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in message.tool_calls]


def calls_of_a_response(client: OpenAI) -> Any:
    asked: list[Any] = [{"role": "user", "content": TWO}]
    first = client.responses.create(model=MODEL, input=asked, tools=[flat(WEATHER)])
    calls = [item for item in first.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["weather", "weather"]
    outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": "rain"} for call in calls]
    followed: Any = outputs
    return first, client.responses.create(
        model=MODEL, previous_response_id=first.id, input=followed, tools=[flat(WEATHER)]
    )


def a_forced_choice_of_a_response(client: OpenAI) -> Any:
    tools = [flat(WEATHER), {"type": "custom", "name": "note"}]
    among: Any = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "weather"}]}
    choices: tuple[Any, ...] = ({"type": "function", "name": "weather"}, among, "auto")
    return [client.responses.create(model=MODEL, input="Hello", tools=tools, tool_choice=choice) for choice in choices]


def events_of_a_response(client: OpenAI) -> Any:
    return list(client.responses.create(model=MODEL, input=f"{TWO}\n!chunks 5", tools=[flat(WEATHER)], stream=True))


def a_search_of_the_upstreams_own(client: OpenAI) -> Any:
    tools: Any = [{"type": "web_search", "search_context_size": "low"}]
    text = "!search web_search rivers\n!say found"
    whole = client.responses.create(model=MODEL, input=text, tools=tools)
    assert [item.type for item in whole.output] == ["web_search_call", "message"]
    return whole, list(client.responses.create(model=MODEL, input=text, tools=tools, stream=True))


CALLS = (
    parallel_calls,
    no_parallel_calls,
    a_forced_choice,
    a_strict_schema,
    a_custom_tool,
    deltas,
    a_stream_that_helps,
    functions_of_the_old_form,
    a_loop_of_the_clients_own,
    calls_of_a_response,
    a_forced_choice_of_a_response,
    events_of_a_response,
    a_search_of_the_upstreams_own,
)


@pytest.mark.parametrize("call", CALLS, ids=[call.__name__ for call in CALLS])
def test_tools_that_are_let_out_work_as_they_do_directly(
    direct: str, through: str, call: Callable[[OpenAI], Any]
) -> None:
    with client_of(direct) as one, client_of(through) as other:
        expected = call(one)
        assert call(other) == expected


def sent_last(through: str) -> Any:
    """Gives the body that reached the simulator behind the gateway."""
    last = httpx.get(f"{through}/_last", headers={"authorization": "Bearer sk-any"}).json()
    return json.loads(last["body"])


def test_tools_that_are_let_out_leave_byte_for_byte(through: str) -> None:
    tool = json.dumps(WEATHER)
    body = '{"model":"gpt-4o", "messages":[{"role":"user","content":"Hi"}],"tools":[' + tool + '] ,"seed":1e-7}'
    headers = {"authorization": "Bearer sk-any", "content-type": "application/json"}
    httpx.post(f"{through}/chat/completions", content=body, headers=headers).raise_for_status()
    last = httpx.get(f"{through}/_last", headers=headers).json()
    assert last["body"] == body


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_is_not_listed_does_not_go_out_and_is_not_called(through: str, stream: bool) -> None:
    with client_of(through) as client:
        # The first turn's call is answered here as not available; then the model goes on.
        made = chat(client, "!tool delete_all {}\n!say nothing was deleted", tools=[WEATHER, DELETE], stream=stream)
        if stream:
            chunks = [choice.delta for chunk in made for choice in chunk.choices]
            assert not any(delta.tool_calls for delta in chunks)
            text = "".join(delta.content or "" for delta in chunks)
        else:
            assert not made.choices[0].message.tool_calls
            text = made.choices[0].message.content
    assert "nothing was deleted" in text
    assert "delete_all" not in [tool["function"]["name"] for tool in sent_last(through)["tools"]]


def test_a_search_that_is_not_listed_does_not_go_out(through: str) -> None:
    tools: Any = [{"type": "file_search", "vector_store_ids": ["vs_1"]}]
    with client_of(through) as client:
        client.responses.create(model=MODEL, input="!say nothing", tools=tools, tool_choice="required")
    assert "tools" not in sent_last(through)
    assert "tool_choice" not in sent_last(through)


def test_what_cannot_be_read_is_turned_away_in_the_apis_shape(through: str) -> None:
    with client_of(through) as client:
        with pytest.raises(openai.PermissionDeniedError) as raised:
            client.batches.create(input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h")
        assert raised.value.code == "tools_unseen"
        with pytest.raises(openai.PermissionDeniedError):
            client.responses.create(model=MODEL, prompt={"id": "pmpt_1"})


@pytest.mark.parametrize(
    "body", [b'{"tools": {"a": 1}}', b'{"tools": "all"}', b'{"tools": [{"type": "lukhas", "name": "teleporter"}]}']
)
def test_a_misshapen_request_gets_an_error_in_the_apis_shape(through: str, body: bytes) -> None:
    headers = {"authorization": "Bearer sk-any", "content-type": "application/json"}
    reply = httpx.post(f"{through}/chat/completions", content=body, headers=headers)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", "tools")
    assert error["code"] in ("invalid_tools", "unknown_tool")


@pytest.mark.parametrize(
    "tool", [{"type": "function", "function": {"name": "x" * 1_000_000}}, None, 5, {}], ids=range(4)
)
def test_odd_tools_do_not_stop_the_gateway(through: str, tool: Any) -> None:
    headers = {"authorization": "Bearer sk-any"}
    asked = {"model": MODEL, "messages": said("!say still here"), "tools": [tool, WEATHER]}
    reply = httpx.post(f"{through}/chat/completions", json=asked, headers=headers)
    assert reply.json()["choices"][0]["message"]["content"] == "still here"
    assert sent_last(through)["tools"] == [WEATHER]
