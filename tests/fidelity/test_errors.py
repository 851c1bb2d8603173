"""The gateway's own errors have the shape of OpenAI's, and the official SDK raises the class that belongs to each."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from gateway.simulator import create_app
from tests.builders.gateway import RunningGateway, running_gateway
from tests.builders.raw_client import RawReply, a_request, raw_client
from tests.builders.scripted_upstream import Link, reply
from tests.builders.servers import run_server
from tests.builders.stage import Recording, staged

CHAT = a_request(body=b'{"model":"gpt-4o","messages":[]}')
QUESTION: Any = [{"role": "user", "content": "hello"}]
HURRIED = {"first_byte_timeout": 0.2, "connect_timeout": 0.2, "total_timeout": 5}


async def silent(link: Link) -> None:
    await link.request()
    await link.hung_up()


async def hanging_up(link: Link) -> None:
    await link.request()


async def talking_nonsense(link: Link) -> None:
    await link.request()
    await link.send(b"SSH-2.0-OpenSSH_9.9\r\n")


async def half_a_reply(link: Link) -> None:
    await link.request()
    await link.send(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"half"')


async def a_long_head(link: Link) -> None:
    await link.request()
    await link.send(reply(b"{}", b"X-Long: " + b"x" * 300_000))


TROUBLES = (
    pytest.param(silent, 504, "upstream_timeout", id="silent"),
    pytest.param(hanging_up, 502, "upstream_broken", id="hanging-up"),
    pytest.param(talking_nonsense, 502, "upstream_invalid", id="nonsense"),
    pytest.param(half_a_reply, 502, "upstream_broken", id="half-a-reply"),
    pytest.param(a_long_head, 502, "upstream_reply_too_large", id="long-head"),
)


@pytest.mark.parametrize(("script", "status", "code"), TROUBLES)
async def test_trouble_with_the_upstream_is_an_error_that_names_it(script: Any, status: int, code: str) -> None:
    async with staged(script, upstream=HURRIED) as stage:
        came = await stage.ask(CHAT)
        assert (came.status, came.error["code"], came.error["type"]) == (status, code, "upstream_error")
        assert (await stage.record(came.audit_id))["outcome"] == "upstream_error"


async def test_an_upstream_that_is_not_there_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    async with staged(silent, upstream={"url": f"{nobody}/v1"}) as stage:
        async with asyncio.timeout(1):
            came = await stage.ask(CHAT)
    assert (came.status, came.error["code"]) == (502, "upstream_unreachable")


async def test_an_upstream_of_unknown_name_is_told_as_unreachable() -> None:
    async with staged(silent, upstream={"url": "http://nowhere.invalid/v1"}) as stage:
        came = await stage.ask(CHAT)
    assert (came.status, came.error["code"]) in ((502, "upstream_unreachable"), (504, "upstream_connect_timeout"))


async def test_a_full_pool_of_connections_is_told_as_busy() -> None:
    async with (
        staged(silent, upstream={"max_connections": 1, "connect_timeout": 0.2}) as stage,
        raw_client(stage.url) as first,
    ):
        await first.send(CHAT)
        await asyncio.sleep(0.05)
        came = await stage.ask(CHAT)
    assert (came.status, came.error["code"], came.value(b"retry-after")) == (503, "upstream_busy", b"1")


async def test_a_full_gateway_says_so() -> None:
    async with staged(silent, server={"max_concurrent": 1}) as stage, raw_client(stage.url) as first:
        await first.send(CHAT)
        await asyncio.sleep(0.05)
        came = await stage.ask(CHAT)
        record = await stage.record(came.audit_id)
    assert (came.status, came.error["code"], came.value(b"retry-after")) == (503, "overloaded", b"1")
    assert (record["outcome"], record["refusal"]["code"]) == ("refused", "overloaded")


async def test_a_call_that_nobody_pays_for_is_not_sent() -> None:
    upstream = Recording()
    async with staged(upstream, auth={"keys": [{"key": "lk-one"}]}) as stage:
        came = await stage.ask(a_request(body=b"{}", key=b"lk-one"))
        assert (came.status, came.error["code"]) == (503, "upstream_key_missing")
        assert came.audit_id
    assert upstream.requests == []


async def test_a_tier_or_key_that_does_not_carry_the_model_is_told() -> None:
    keys = [{"key": "lk-one", "models": ["gpt-4o-mini"]}]
    async with staged(Recording(), auth={"keys": keys}, upstream={"api_key": "sk-operator"}) as stage:
        came = await stage.ask(a_request(body=b'{"model":"gpt-4o"}', key=b"lk-one"))
        assert (came.status, came.error["code"], came.error["param"]) == (403, "model_not_allowed", "model")
        assert came.error["type"] == "permission_error"


@pytest.mark.parametrize("headers", [(), (b"Authorization: Basic x",), (b"Authorization: Bearer ",)])
async def test_a_request_without_a_key_is_401(headers: tuple[bytes, ...]) -> None:
    async with staged(Recording()) as stage:
        came = await stage.ask(a_request(b"POST /v1/chat/completions", *headers, body=b"{}", key=None))
        assert (came.status, came.error["code"]) == (401, "invalid_api_key")
        assert (came.error["type"], came.value(b"www-authenticate")) == ("authentication_error", b"Bearer")
        assert came.audit_id


async def own_page(request: bytes, method: bytes = b"GET") -> RawReply:
    async with staged(Recording()) as stage:
        return await stage.ask(request, method)


async def test_a_path_outside_the_model_api_is_404() -> None:
    came = await own_page(a_request(b"GET /nothing/here"))
    assert (came.status, came.error["code"]) == (404, "not_found")


async def test_a_page_that_takes_get_only_says_so() -> None:
    came = await own_page(a_request(b"POST /healthz", body=b"{}"))
    assert (came.status, came.error["code"], came.value(b"allow")) == (405, "method_not_allowed", b"GET, HEAD")


async def test_a_fault_of_the_gateway_or_a_plugin_is_an_error_too(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "from gateway import Exchange, Refusal, hookimpl\n"
        "class Broken:\n"
        "    @hookimpl\n"
        "    def judge(self, exchange: Exchange) -> Refusal | None:\n"
        "        raise RuntimeError('secret')\n"
    )
    async with staged(Recording(), chain=["default", str(tmp_path / "broken.py")]) as stage:
        came = await stage.ask(CHAT)
        assert (came.status, came.error["code"], came.error["type"]) == (503, "plugin_failed", "api_error")
        assert b"secret" not in came.body


async def test_a_limit_that_a_plugin_sets_is_429_with_its_time(tmp_path: Path) -> None:
    (tmp_path / "limiting.py").write_text(
        "from gateway import Exchange, Refusal, hookimpl\n"
        "class Limiting:\n"
        "    @hookimpl\n"
        "    def admit(self, exchange: Exchange) -> Refusal | None:\n"
        "        return Refusal('No.', code='too_many', status=429, retry_after=2.4, headers=(('x-left', '0'),))\n"
    )
    async with staged(Recording(), chain=["default", str(tmp_path / "limiting.py")]) as stage:
        came = await stage.ask(CHAT)
        async with AsyncOpenAI(base_url=stage.gateway.base_url, api_key="sk-any", max_retries=0) as client:
            with pytest.raises(openai.RateLimitError) as raised:
                await client.models.list()
    assert (came.status, came.error["code"], came.error["type"]) == (429, "too_many", "rate_limit_error")
    assert (came.value(b"retry-after"), came.value(b"x-left")) == (b"2", b"0")
    assert raised.value.response.headers["retry-after"] == "2"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningGateway]:
    """A gateway before the simulator; its limits are low, so that they can be reached."""
    keys = [{"key": "lk-mini", "models": ["gpt-4o-mini"]}]
    settings: dict[str, Any] = {
        "auth": {"keys": keys, "passthrough": True},
        "server": {"max_json_bytes": 10_000},
        "upstream": {"api_key": "sk-operator", "first_byte_timeout": 0.3},
    }
    with run_server(create_app()) as simulator, running_gateway(simulator, **settings) as running:
        yield running


SDK_ERRORS = (
    pytest.param("lk-wrong", "hello", openai.AuthenticationError, 401, "invalid_api_key", id="401"),
    pytest.param("lk-mini", "hello", openai.PermissionDeniedError, 403, "model_not_allowed", id="403"),
    pytest.param("sk-any", "x" * 20_000, openai.APIStatusError, 413, "body_too_large", id="413"),
    pytest.param("sk-any", "!delay 2000", openai.InternalServerError, 504, "upstream_timeout", id="504"),
    pytest.param("sk-any", "!error 400 code=odd", openai.BadRequestError, 400, "odd", id="upstream-400"),
    pytest.param("sk-any", "!error 404", openai.NotFoundError, 404, None, id="upstream-404"),
    pytest.param("sk-any", "!error 409", openai.ConflictError, 409, None, id="upstream-409"),
    pytest.param("sk-any", "!error 422", openai.UnprocessableEntityError, 422, None, id="upstream-422"),
    pytest.param("sk-any", "!error 429", openai.RateLimitError, 429, "rate_limit_exceeded", id="upstream-429"),
    pytest.param("sk-any", "!error 500", openai.InternalServerError, 500, None, id="upstream-500"),
    pytest.param("sk-bad", "hello", openai.AuthenticationError, 401, "invalid_api_key", id="upstream-401"),
)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("key", "text", "kind", "status", "code"), SDK_ERRORS)
def test_the_sdk_raises_the_class_that_belongs_to_the_error(
    running: RunningGateway,
    key: str,
    text: str,
    kind: type[openai.APIStatusError],
    status: int,
    code: str | None,
    streamed: bool,
) -> None:
    messages: Any = [{"role": "user", "content": text}]
    with OpenAI(base_url=running.base_url, api_key=key, max_retries=0) as client, pytest.raises(kind) as raised:
        client.chat.completions.create(model="gpt-4o", messages=messages, stream=streamed)
    error = raised.value
    assert (error.status_code, error.code) == (status, code)
    assert error.type
    assert error.response.headers["x-lukhas-audit-id"].startswith("A-")


def test_the_sdk_raises_a_connection_error_where_a_reply_breaks(running: RunningGateway) -> None:
    messages: Any = [{"role": "user", "content": "!long 100\n!chunks 10\n!cut 3"}]
    with OpenAI(base_url=running.base_url, api_key="sk-any", max_retries=0) as client:
        stream = client.chat.completions.create(model="gpt-4o", messages=messages, stream=True)
        with pytest.raises(openai.APIError) as raised:
            list(stream)
    assert raised.value.code == "upstream_broken"


def test_the_sdk_raises_where_a_stream_of_a_response_breaks(running: RunningGateway) -> None:
    with OpenAI(base_url=running.base_url, api_key="sk-any", max_retries=0) as client:
        stream = client.responses.create(model="gpt-4o", input="!long 100\n!chunks 10\n!cut 3", stream=True)
        with pytest.raises(openai.APIError) as raised:
            list(stream)
    assert raised.value.code == "upstream_broken"
