"""What holds for every request: keys, headers, unknown paths and methods."""

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI

from gateway.simulator import create_app
from tests.builders.servers import run_server

CHAT = {"model": "m", "messages": [{"role": "user", "content": "!say hi"}]}


@pytest.mark.parametrize("key", ["", "Bearer", "Basic abc", "Bearer sk-bad-1"])
def test_a_missing_or_bad_key_is_401_in_openai_shape(http, key):
    reply = http.post("/v1/chat/completions", json=CHAT, headers={"authorization": key})
    assert reply.status_code == 401
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


def test_replies_carry_the_headers_of_openai(http):
    first, second = (http.post("/v1/chat/completions", json=CHAT).headers for _ in range(2))
    assert first["x-request-id"].startswith("req_")
    assert first["x-request-id"] != second["x-request-id"]
    assert first["openai-processing-ms"].isdigit()
    assert {"openai-version", "openai-organization", "x-ratelimit-remaining-tokens"} <= set(first)
    assert first.get_list("server") == ["lukhas-simulator"]


def test_errors_carry_them_too(http):
    assert http.get("/v1/nothing").headers["x-request-id"].startswith("req_")


def test_an_unknown_path_is_404(http):
    reply = http.get("/v1/nothing/here?x=1")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "unknown_url")


def test_a_wrong_method_is_405(http):
    reply = http.get("/v1/embeddings")
    assert (reply.status_code, reply.json()["error"]["code"]) == (405, "method_not_supported")
    assert reply.headers["allow"] == "POST"


async def test_the_async_client_streams(simulator):
    async with AsyncOpenAI(base_url=f"{simulator}/v1", api_key="k", max_retries=0) as client:
        stream = await client.chat.completions.create(**CHAT, stream=True)
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "hi"


def test_requests_are_counted_but_those_for_the_counts_are_not(http):
    before = http.get("/_stats").json()["requests"]
    for _ in range(3):
        http.post("/v1/chat/completions", json=CHAT)
    http.get("/_last")
    assert http.get("/_stats").json() == {"requests": before + 3, "open": 0, "cancelled": 0}


WORDS = st.one_of(
    st.sampled_from(["user", "tool", "!say x", "!tool f {}", "function", "required", "json_schema", "#/$defs/a", "m"]),
    st.text(max_size=5),
)
NAMES = st.sampled_from(
    [
        *("model", "messages", "input", "prompt", "role", "content", "tools", "tool_choice", "type", "text", "format"),
        *("schema", "anyOf", "$ref", "properties", "required", "function", "name", "parameters", "response_format"),
        *("json_schema", "n", "stop", "stream", "max_tokens", "call_id", "output", "tool_calls", "id"),
    ]
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)
JSON_PATHS = [
    "chat/completions",
    "responses",
    "completions",
    "embeddings",
    "moderations",
    "audio/speech",
    "images/generations",
    "batches",
]


@pytest.mark.parametrize("path", JSON_PATHS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(NAMES, VALUES, max_size=4), content=VALUES)
def test_no_body_makes_it_fail(http, path, changes, content):
    item = {"role": "user", "content": content}
    body = {"model": "m", "messages": [item], "input": [item], "prompt": content, **changes}
    reply = http.post(f"/v1/{path}", json=body)
    assert reply.status_code in (200, 400, 404)


def test_two_simulators_share_nothing():
    with run_server(create_app()) as one, run_server(create_app()) as other:
        httpx.get(f"{one}/v1/models")
        assert httpx.get(f"{one}/_last").json()["path"] == "/v1/models"
        assert httpx.get(f"{other}/_last").json() == {}


def test_identifiers_and_dates_are_the_same_in_every_run():
    bodies = []
    for _ in range(2):
        with run_server(create_app(clock=lambda: 1_700_000_000.0)) as url:
            reply = httpx.post(f"{url}/v1/chat/completions", json=CHAT, headers={"authorization": "Bearer k"})
            bodies.append(reply.content)
    assert bodies[0] == bodies[1]
