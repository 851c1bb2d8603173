"""With a gateway that enforces, tools of the SDK work as they do directly, and its requests leave as they came."""

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
from tests.fidelity.test_sdk import WEATHER, client_of

MODEL = "gpt-4o"
CALM = "Please tell me how the weather is in these two towns of Norway, one after the other."
TWO = '!tools weather {"city": "Oslo", "days": 2} weather {"city": "Hamar", "days": 1}'
FLAT: Any = {"type": "function", **WEATHER["function"], "strict": False}
SEARCHES = "!search web_search towns of Norway\n!search file_search towns\n!say It rains in both.\n!chunks 3"
BUILT_IN: Any = [{"type": "web_search"}, {"type": "file_search", "vector_store_ids": ["vs_1"]}]


class Weather(BaseModel):
    """The arguments of a strict function."""

    city: str
    days: int


STRICT: Any = openai.pydantic_function_tool(Weather, name="weather")
STRICT_FLAT: Any = {"type": "function", **STRICT["function"]}


def asked(directives: str) -> Any:
    return [{"role": "user", "content": f"{CALM}\n{directives}"}]


def parallel_calls_and_their_results(client: OpenAI) -> Any:
    messages = asked(TWO)
    first = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    message = first.choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in message.tool_calls or []]
    messages = [*messages, message.model_dump(exclude_none=True), *results]
    return first, client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])


def a_forced_choice(client: OpenAI) -> Any:
    choice: Any = {"type": "function", "function": {"name": "weather"}}
    return client.chat.completions.create(model=MODEL, messages=asked(""), tools=[WEATHER], tool_choice=choice)


def strict_arguments_that_are_parsed(client: OpenAI) -> Any:
    parsed = client.chat.completions.parse(model=MODEL, messages=asked(TWO), tools=[STRICT])
    calls = parsed.choices[0].message.tool_calls or []
    assert [call.function.parsed_arguments for call in calls] == [
        Weather(city="Oslo", days=2),
        Weather(city="Hamar", days=1),
    ]
    return parsed


def deltas_of_a_stream(client: OpenAI) -> Any:
    stream = client.chat.completions.create(
        model=MODEL, messages=asked(f"{TWO}\n!chunks 9"), tools=[WEATHER], stream=True
    )
    return list(stream)


def a_stream_that_helps(client: OpenAI) -> Any:
    with client.chat.completions.stream(model=MODEL, messages=asked(TWO), tools=[STRICT]) as stream:
        return [event.model_dump() for event in stream], stream.get_final_completion().model_dump()


def searches_of_the_upstreams_own(client: OpenAI) -> Any:
    made = client.responses.create(model=MODEL, input=asked(SEARCHES), tools=BUILT_IN)
    assert [item.type for item in made.output] == ["web_search_call", "file_search_call", "message"]
    return made


def searches_in_a_stream(client: OpenAI) -> Any:
    events = list(client.responses.create(model=MODEL, input=asked(SEARCHES), tools=BUILT_IN, stream=True))
    assert "response.file_search_call.searching" in [event.type for event in events]
    return events


def a_stream_of_responses_that_helps(client: OpenAI) -> Any:
    with client.responses.stream(model=MODEL, input=asked(TWO), tools=[FLAT]) as stream:
        return [event.model_dump() for event in stream], stream.get_final_response().model_dump()


def arguments_of_a_response_that_are_parsed(client: OpenAI) -> Any:
    parsed = client.responses.parse(model=MODEL, input=asked(TWO), tools=[STRICT_FLAT])
    assert parsed.output[0].type == "function_call"
    return parsed


def a_conversation_by_previous_responses(client: OpenAI) -> Any:
    first = client.responses.create(model=MODEL, input=asked(TWO), tools=[FLAT])
    results: Any = [
        {"type": "function_call_output", "call_id": item.call_id, "output": "rain"}
        for item in first.output
        if item.type == "function_call"
    ]
    return first, client.responses.create(model=MODEL, previous_response_id=first.id, input=results, tools=[FLAT])


CALLS = (
    parallel_calls_and_their_results,
    a_forced_choice,
    strict_arguments_that_are_parsed,
    deltas_of_a_stream,
    a_stream_that_helps,
    searches_of_the_upstreams_own,
    searches_in_a_stream,
    a_stream_of_responses_that_helps,
    arguments_of_a_response_that_are_parsed,
    a_conversation_by_previous_responses,
)


@pytest.fixture(scope="module")
def direct() -> Iterator[str]:
    """A simulator of its own, whose ids count up from one."""
    with run_server(create_app(lambda: 1_700_000_000)) as url:
        yield f"{url}/v1"


@pytest.fixture(scope="module")
def through() -> Iterator[tuple[str, str]]:
    """A gateway with the shipped chain that enforces, and the simulator behind it.

    What is new to a caller is meant to change how it is asked; all else that is asked here is calm.
    """
    calm = {"signals": {"off": ["novelty"]}}
    with (
        run_server(create_app(lambda: 1_700_000_000)) as url,
        running_gateway(url, mode="enforce", plugins=calm) as running,
    ):
        yield running.base_url, f"{url}/v1"


def last_body(base_url: str) -> bytes:
    """The body that reached a simulator last."""
    body: str = httpx.get(f"{base_url}/_last", verify=False).json()["body"]
    return body.encode()


@pytest.mark.parametrize("call", CALLS, ids=[call.__name__ for call in CALLS])
def test_nothing_differs_from_what_the_sdk_gets_directly(
    direct: str, through: tuple[str, str], call: Callable[[OpenAI], Any]
) -> None:
    gateway, upstream = through
    with client_of(direct) as one, client_of(gateway) as other:
        expected = call(one)
        assert call(other) == expected
    assert last_body(upstream) == last_body(direct)
    assert json.loads(last_body(upstream))["tools"]
