"""What the official SDK gets through the gateway is what it gets directly, call by call."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from gateway.simulator import create_app
from tests.builders.gateway import running_gateway
from tests.builders.scripted_upstream import Link, reply
from tests.builders.servers import run_server
from tests.builders.stage import OK, Recording, headers_of, staged

OWN = frozenset(("date", "openai-processing-ms", "x-lukhas-audit-id", "x-lukhas-safety-mode", "connection"))
SOUND = ("Grüße 世界.wav", bytes(range(256)) * 300, "audio/wav")
PICTURE = ("in.png", b"\x89PNG\r\n\x1a\n", "image/png")
WEATHER: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


class City(BaseModel):
    name: str
    people: int


@pytest.fixture(scope="module")
def direct() -> Iterator[str]:
    """The base URL of a simulator of its own, whose ids count up from one."""
    with run_server(create_app(lambda: 1_700_000_000)) as url:
        yield f"{url}/v1"


@pytest.fixture(scope="module")
def through() -> Iterator[str]:
    """The base URL of a gateway before another such simulator."""
    with run_server(create_app(lambda: 1_700_000_000)) as url, running_gateway(url) as running:
        yield running.base_url


def client_of(url: str, **options: Any) -> OpenAI:
    return OpenAI(base_url=url, api_key="sk-any", **{"max_retries": 0, **options})


def said(text: str) -> Any:
    return [{"role": "user", "content": text}]


def chat(client: OpenAI) -> Any:
    return client.chat.completions.create(model="gpt-4o", messages=said("Hello"), temperature=1e-7, seed=2**62)


def chat_streamed(client: OpenAI) -> Any:
    options: Any = {"include_usage": True}
    return list(
        client.chat.completions.create(
            model="gpt-4o", messages=said("!say Grüße, 世界 😀\n!chunks 9"), stream=True, stream_options=options
        )
    )


def chat_helper(client: OpenAI) -> Any:
    with client.chat.completions.stream(model="gpt-4o", messages=said("!say one two\n!chunks 2")) as stream:
        return [event.model_dump() for event in stream], stream.get_final_completion().model_dump()


def chat_parsed(client: OpenAI) -> Any:
    text = '!say {"name": "Oslo", "people": 709037}'
    completion = client.chat.completions.parse(model="gpt-4o", messages=said(text), response_format=City)
    assert completion.choices[0].message.parsed == City(name="Oslo", people=709037)
    return completion


def tools(client: OpenAI) -> Any:
    messages = said('!tool weather {"city": "Oslo"}')
    first = client.chat.completions.create(model="gpt-4o", messages=messages, tools=[WEATHER])
    (call,) = first.choices[0].message.tool_calls or []
    messages = [
        *messages,
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "rain"},
    ]
    second = client.chat.completions.create(model="gpt-4o", messages=messages, tools=[WEATHER])
    assert "rain" in (second.choices[0].message.content or "")
    return first, second


def completions(client: OpenAI) -> Any:
    return client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hello")


def responses(client: OpenAI) -> Any:
    made = client.responses.create(model="gpt-4o", input="Hello")
    kept = client.responses.retrieve(made.id)
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    return made, kept, made.output_text


def responses_streamed(client: OpenAI) -> Any:
    return list(client.responses.create(model="gpt-4o", input="!say one two three\n!chunks 3", stream=True))


def responses_helper(client: OpenAI) -> Any:
    with client.responses.stream(model="gpt-4o", input="!say one two\n!chunks 2") as stream:
        return [event.type for event in stream], stream.get_final_response().output_text


def responses_parsed(client: OpenAI) -> Any:
    text = '!say {"name": "Oslo", "people": 709037}'
    parsed = client.responses.parse(model="gpt-4o", input=text, text_format=City).output_parsed
    assert parsed == City(name="Oslo", people=709037)
    return parsed


def embeddings(client: OpenAI) -> Any:
    return client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])


def moderations(client: OpenAI) -> Any:
    return client.moderations.create(input="I will kill it.")


def models(client: OpenAI) -> Any:
    listed = list(client.models.list())
    return listed, client.models.retrieve(listed[0].id)


def files(client: OpenAI) -> Any:
    made = client.files.create(file=SOUND, purpose="user_data")
    listed = list(client.files.list(purpose="user_data"))
    content = client.files.content(made.id)
    assert (made.filename, content.read()) == (SOUND[0], SOUND[1])
    return made, listed, content.response.headers["content-disposition"], client.files.delete(made.id)


def speech(client: OpenAI) -> Any:
    return client.audio.speech.create(model="tts-1", voice="alloy", input="Hello").read()


def speech_streamed(client: OpenAI) -> Any:
    create = client.audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="alloy", input="!chunks 5\nHello") as reply:
        return reply.headers["content-type"], b"".join(reply.iter_bytes())


def transcription(client: OpenAI) -> Any:
    return client.audio.transcriptions.create(model="whisper-1", file=SOUND), client.audio.transcriptions.create(
        model="whisper-1", file=SOUND, response_format="srt"
    )


def transcription_streamed(client: OpenAI) -> Any:
    return list(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=SOUND, stream=True))


def images(client: OpenAI) -> Any:
    return client.images.generate(model="gpt-image-1", prompt="a cat"), client.images.edit(
        model="gpt-image-1", image=[PICTURE, PICTURE], prompt="more cats"
    )


def batches(client: OpenAI) -> Any:
    made = client.batches.create(input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h")
    return made, client.batches.retrieve(made.id), client.batches.cancel(made.id), list(client.batches.list())


def raw_response(client: OpenAI) -> Any:
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=said("Hello"))
    headers = {name: value for name, value in raw.headers.items() if name not in OWN}
    return raw.status_code, headers, raw.http_response.content, raw.parse()


def streaming_response(client: OpenAI) -> Any:
    create = client.chat.completions.with_streaming_response.create
    with create(model="gpt-4o", messages=said("!chunks 4"), stream=True) as reply:
        return reply.headers["content-type"], list(reply.iter_lines())


def raw_error(client: OpenAI) -> Any:
    with pytest.raises(openai.RateLimitError) as raised:
        client.chat.completions.create(model="gpt-4o", messages=said("!error 429 retry-after=2 x-should-retry=false"))
    headers = {name: value for name, value in raised.value.response.headers.items() if name not in OWN}
    return headers, raised.value.body, str(raised.value)


CALLS = (
    chat,
    chat_streamed,
    chat_helper,
    chat_parsed,
    tools,
    completions,
    responses,
    responses_streamed,
    responses_helper,
    responses_parsed,
    embeddings,
    moderations,
    models,
    files,
    speech,
    speech_streamed,
    transcription,
    transcription_streamed,
    images,
    batches,
    raw_response,
    streaming_response,
    raw_error,
)


@pytest.mark.parametrize("call", CALLS, ids=[call.__name__ for call in CALLS])
def test_the_sdk_gets_through_the_gateway_what_it_gets_directly(
    direct: str, through: str, call: Callable[[OpenAI], Any]
) -> None:
    with client_of(direct) as one, client_of(through) as other:
        expected = call(one)
        assert call(other) == expected


@pytest.mark.parametrize("path", ["direct", "through"])
async def test_the_async_sdk_works_alike(request: pytest.FixtureRequest, path: str) -> None:
    url: str = request.getfixturevalue(path)
    async with AsyncOpenAI(base_url=url, api_key="sk-any", max_retries=0) as client:
        whole = await client.chat.completions.create(model="gpt-4o", messages=said("!say one two"))
        assert whole.choices[0].message.content == "one two"
        stream = await client.chat.completions.create(
            model="gpt-4o", messages=said("!say one two\n!chunks 2"), stream=True
        )
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "one two"
        async with client.chat.completions.stream(model="gpt-4o", messages=said("!say one two")) as helper:
            assert (await helper.get_final_completion()).choices[0].message.content == "one two"
        async with client.responses.stream(model="gpt-4o", input="!say one two") as events:
            assert (await events.get_final_response()).output_text == "one two"
        assert [each.id async for each in client.models.list()]
        made = await client.files.create(file=SOUND, purpose="user_data")
        assert (await client.files.content(made.id)).read() == SOUND[1]


def last_request(through: str) -> dict[str, Any]:
    """What reached the simulator behind the gateway."""
    reply = httpx.get(f"{through}/_last", headers={"authorization": "Bearer sk-any"})
    last: dict[str, Any] = reply.json()
    return last


def test_extra_headers_query_and_body_reach_the_upstream(through: str) -> None:
    with client_of(through, organization="org-1", project="proj-1") as client:
        client.chat.completions.create(
            model="gpt-4o",
            messages=said("Hello"),
            extra_headers={"OpenAI-Beta": "assistants=v2"},
            extra_query={"include": ["a", "b"], "empty": ""},
            extra_body={"unheard_of": {"deep": [1e-7]}},
        )
        last = last_request(through)
    assert last["path"] == "/v1/chat/completions?include%5B%5D=a&include%5B%5D=b&empty="
    assert json.loads(last["body"])["unheard_of"] == {"deep": [1e-7]}
    headers = last["headers"]
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "proj-1")
    assert (headers["openai-beta"], headers["authorization"]) == ("assistants=v2", "Bearer sk-any")
    assert headers["user-agent"].startswith("OpenAI/Python")
    assert headers["x-stainless-lang"] == "python"


async def test_the_sdk_retries_when_the_upstream_says_and_gets_its_answer() -> None:
    retries: list[bytes] = []

    async def busy_twice(link: Link) -> None:
        while True:
            request = await link.request()
            retries.append(dict(headers_of(request))[b"x-stainless-retry-count"])
            busy = reply(b"{}", b"retry-after-ms: 10", b"Content-Type: application/json", status=b"429 Busy")
            await link.send(busy if len(retries) < 3 else OK)

    async with staged(busy_twice) as stage:
        async with AsyncOpenAI(base_url=stage.gateway.base_url, api_key="sk-any") as client:
            # Left to itself the SDK would wait for more than a second between the three.
            async with asyncio.timeout(1):
                await client.models.list()
        assert [record["status"] for record in await stage.records(3)] == [429, 429, 200]
    assert retries == [b"0", b"1", b"2"]


async def test_the_sdk_does_not_retry_where_the_upstream_says_not_to() -> None:
    upstream = Recording(reply(b"{}", b"x-should-retry: false", status=b"500 No"))
    async with (
        staged(upstream) as stage,
        AsyncOpenAI(base_url=stage.gateway.base_url, api_key="sk-any", max_retries=2) as client,
    ):
        with pytest.raises(openai.InternalServerError):
            await client.models.list()
    assert len(upstream.requests) == 1


def test_the_sdk_gives_up_waiting_and_the_gateway_with_it(through: str) -> None:
    with client_of(through, timeout=0.2) as client, pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="gpt-4o", messages=said("!delay 5000"))


def test_a_gateway_that_is_gone_is_a_connection_error() -> None:
    with run_server(create_app()) as url, running_gateway(url) as running:
        base_url = running.base_url
    with client_of(base_url) as client, pytest.raises(openai.APIConnectionError):
        client.models.list()
