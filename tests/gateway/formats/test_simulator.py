"""Tests that what the simulator streams adds up to what it answers whole, and can be sent back with results."""

from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from gateway.formats import Format, chat, completions, responses
from gateway.simulator import create_app
from gateway.splice import spliced
from gateway.sse import reply_of
from tests.builders.servers import run_server

TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
RESPONSE_TOOLS = [{"type": "function", "name": "look_up", "parameters": {"type": "object"}}]
CHANGING = ("id", "created", "created_at", "completed_at", "call_id")


@pytest.fixture(scope="module")
def upstream() -> Iterator[httpx.Client]:
    with run_server(create_app()) as url, httpx.Client(base_url=url, headers={"authorization": "Bearer k"}) as client:
        yield client


def lasting(value: Any) -> Any:
    """Gives a reply without what differs from one to the next, and without what only one of the two forms has."""
    if isinstance(value, list):
        return [lasting(each) for each in value]
    if isinstance(value, dict):
        kept = {key: lasting(each) for key, each in value.items() if key not in CHANGING}
        return {key: each for key, each in kept.items() if each not in (None, [], {})}
    return value


def asking(path: str, text: str) -> dict[str, Any]:
    if path == "/v1/responses":
        return {"model": "gpt-4o", "input": text, "tools": RESPONSE_TOOLS}
    if path == "/v1/completions":
        return {"model": "gpt-4o", "prompt": text, "stream_options": {"include_usage": True}}
    return {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": text}],
        "tools": TOOLS,
        "n": 2,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("path", "format"),
    [("/v1/chat/completions", chat), ("/v1/responses", responses), ("/v1/completions", completions)],
)
@pytest.mark.parametrize("text", ["Hello, 世界", '!tools look_up {"a": 1} look_up {"b": 2}'])
def test_a_stream_adds_up_to_the_whole_reply(upstream: httpx.Client, path: str, format: Format, text: str) -> None:
    request = asking(path, text)
    streamed = upstream.post(path, json={**request, "stream": True})
    request.pop("stream_options", None)
    whole = upstream.post(path, json=request)
    assert (whole.status_code, streamed.status_code) == (200, 200), whole.text + streamed.text
    assert lasting(reply_of(streamed.content, format)) == lasting(whole.json())
    assert format.usage(reply_of(streamed.content, format)) == format.usage(whole.json())


@pytest.mark.parametrize(("path", "format"), [("/v1/chat/completions", chat), ("/v1/responses", responses)])
def test_the_results_of_calls_are_a_valid_next_request(upstream: httpx.Client, path: str, format: Format) -> None:
    request = asking(path, '!tool look_up {"a": 1}')
    request.pop("stream_options", None)
    reply = upstream.post(path, json=request).json()
    calls = [found.call for found in format.calls(reply)]
    changes = format.tool_results(
        request, reply, [(call, "the answer is 42") for call in calls if call.choice == calls[0].choice]
    )
    body = spliced(msgspec.json.encode(request), changes)
    said = upstream.post(path, content=body, headers={"content-type": "application/json"})
    assert said.status_code == 200, said.text
    assert "42" in format.output_text(said.json())
