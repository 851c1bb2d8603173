"""The bundle of every end says what it must, shows in the views, and holds no text of prompts and answers."""

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from gateway.simulator import create_app
from identity.keyring import Person
from tests.builders.gateway import RunningGateway, running_gateway
from tests.builders.raw_client import RawReply, a_request, raw_client
from tests.builders.scripted_upstream import Link, chunk, chunked_head, reply
from tests.builders.servers import run_server
from tests.builders.stage import Recording, Stage, staged
from tests.builders.warehouses import asked, warehouse

# Stands in prompts, answers, contexts and results of tools.
TEXT = "Rumpelstilzchen"
SAYS = {"role": "user", "content": f"Who is {TEXT}?"}
BODY = json.dumps({"model": "gpt-4o-mini", "messages": [SAYS]}).encode()
ANSWER = json.dumps(
    {
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": f"I am {TEXT}."}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 500_000},
    }
).encode()
EVENT = b"data: " + ANSWER.replace(b'"message"', b'"delta"') + b"\n\n"
WHOLE = reply(ANSWER, b"Content-Type: application/json", b"x-request-id: req_7")
STREAM = chunked_head(b"Content-Type: text/event-stream") + chunk(EVENT) + chunk(b"data: [DONE]\n\n") + chunk(b"")
CHAT = a_request(b"POST /v1/chat/completions", body=BODY)
# With its answer the key that is passed through is somebody's, and records have hashes.
OFFERED = b'{"tools": [{"type": "function", "function": {"name": "rm"}}], '
FIRST = a_request(b"POST /v1/chat/completions", body=OFFERED + b'"model":"gpt-4o-mini","messages":[]}')
REFUSES = """
from gateway import *


class Refuses:
    @hookimpl
    def {hook}(self, exchange: Exchange{more}) -> Any:
        return {answer} if b"Rumpelstilzchen" in exchange.request.body else None
"""
REFUSAL = "Refusal('Not today.', code='not_today', status=409)"
ALWAYS = {"started", "ended", "endpoint", "method", "status", "outcome", "streamed", "model", "model_used", "caller"}
ALWAYS |= {"tier", "upstream_request_id", "usage", "cost", "cost_basis", "overhead_ms", "first_byte_ms", "total_ms"}
ALWAYS |= {"event", "audit_id", "safety_mode", "seal"}


def hash_of(stage: Stage, record: dict[str, Any], body: bytes) -> str:
    """The hash of a body under the key of the caller in a record."""
    pseudonym = record["caller"]
    key = stage.gateway.gateway.keyring.key_of(pseudonym)
    assert key is not None
    return base64.urlsafe_b64encode(Person(pseudonym, key).commitment(body)).decode().rstrip("=")


def has_no_text(gateway: RunningGateway) -> bool:
    return TEXT.encode() not in gateway.journal.read_bytes()


async def bundle_of(stage: Stage, came: RawReply) -> dict[str, Any]:
    record = await stage.record(came.audit_id)
    assert record.keys() >= ALWAYS
    assert has_no_text(stage.gateway)
    return record


@pytest.mark.parametrize("answer", [WHOLE, STREAM], ids=["whole", "streamed"])
async def test_an_answer_is_told_with_its_cost_and_the_hashes_of_what_came_and_went(answer: bytes) -> None:
    async with staged(Recording(answer)) as stage:
        came = await stage.ask(CHAT)
        record = await bundle_of(stage, came)
        came_and_went = hash_of(stage, record, BODY), hash_of(stage, record, came.body)
    assert (record["prompt_hash"], record["answer_hash"]) == came_and_went
    assert (record["cost"], record["cost_basis"]) == (0.45, "gpt-4o-mini-2024-07-18 from 2024-07-18")
    assert record["usage"] == {"input_tokens": 1_000_000, "output_tokens": 500_000}
    assert (record["model"], record["model_used"]) == ("gpt-4o-mini", "gpt-4o-mini-2024-07-18")
    assert record["safety_mode"] == "balanced"
    assert [attempt["status"] for attempt in record["attempts"]] == [200]


@pytest.mark.parametrize("hook", ["admit", "judge", "watch", "allow_tool", "review"])
async def test_a_refusal_is_told_with_who_refused_and_what_it_cost(hook: str, tmp_path: Path) -> None:
    answer = "Cut('not today', code='not_today')" if hook == "watch" else REFUSAL
    more = {"watch": ", window: Window", "allow_tool": ", call: ToolCall"}.get(hook, "")
    plugin = tmp_path / "refuses.py"
    plugin.write_text("from typing import Any\n" + REFUSES.format(hook=hook, more=more, answer=answer))
    call = {"id": "c", "type": "function", "function": {"name": "rm", "arguments": f'{{"who":"{TEXT}"}}'}}
    said = ANSWER.replace(b'"content"', b'"tool_calls": %b, "content"' % json.dumps([call]).encode())
    several = b'"n": 2, ' if hook == "allow_tool" else b""  # else the model would be told
    body = BODY.replace(b"{", OFFERED + several, 1)
    asked = a_request(b"POST /v1/chat/completions", body=body)
    async with staged(
        Recording(reply(said, b"Content-Type: application/json")), chain=["default", str(plugin)]
    ) as stage:
        assert (await stage.ask(FIRST)).status == 200
        came = await stage.ask(asked)
        record = await bundle_of(stage, came)
        assert record["prompt_hash"] == hash_of(stage, record, body)
    assert (record["outcome"], record["status"], record["refusal"]["code"]) == ("refused", came.status, "not_today")
    assert "answer_hash" not in record
    sent = hook not in ("admit", "judge")
    assert (record["cost"], len(record.get("attempts", []))) == ((0.45, 1) if sent else (None, 0))
    assert [step["hook"] for step in record["trail"] if step["plugin"] == "refuses"] == [hook]
    blocked = record.get("tools", {}).get("blocked", [])
    assert [(each["name"], each["because"]) for each in blocked] == [("rm", "not_today")] * (hook == "allow_tool")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (a_request(b"POST /v1/chat/completions", body=BODY, key=None), "invalid_api_key"),
        (a_request(b"POST /v1/chat/completions", body=BODY[:-1]), "invalid_json"),
        (a_request(b"POST /v1/chat%2Fcompletions", body=BODY), "non_canonical_path"),
    ],
    ids=["nobody", "no-json", "disguise"],
)
async def test_what_was_refused_before_it_was_read_has_no_hash(request_: bytes, code: str) -> None:
    async with staged(Recording(WHOLE)) as stage:
        record = await bundle_of(stage, await stage.ask(request_))
    assert (record["outcome"], record["refusal"]["code"]) == ("refused", code)
    assert (record["cost"], record["cost_basis"], "prompt_hash" in record) == (None, None, False)


async def test_an_upstream_that_fails_is_told_and_cost_nothing_that_is_known() -> None:
    async with staged(Recording(b"nonsense\r\n\r\n")) as stage:
        record = await bundle_of(stage, await stage.ask(CHAT))
    assert (record["outcome"], record["status"], record["refusal"]["status"]) == ("upstream_error", 502, 502)
    assert (record["cost"], "answer_hash" in record, "error" in record) == (None, False, True)
    assert record["attempts"][0]["error"] == "UpstreamInvalid"


async def test_an_error_of_the_upstream_is_an_answer_with_its_hash() -> None:
    error = reply(b'{"error":{"message":"no"}}', b"Content-Type: application/json", status=b"429 Too Many Requests")
    script = Recording()
    async with staged(script) as stage:
        assert (await stage.ask(FIRST)).status == 200
        script.answer = error
        record = await bundle_of(stage, await stage.ask(CHAT))
        assert record["answer_hash"] == hash_of(stage, record, b'{"error":{"message":"no"}}')
    assert (record["outcome"], record["status"], record["attempts"][0]["status"]) == ("answered", 429, 429)
    assert (record["usage"], record["cost"]) == (None, None)


async def half(link: Link) -> None:
    """Sends the beginning of a stream, and then nothing."""
    await link.request()
    await link.send(chunked_head(b"Content-Type: text/event-stream") + chunk(EVENT.replace(b'"usage"', b'"used"')))
    await link.hung_up()


async def breaks(link: Link) -> None:
    """Sends the beginning of a stream, and closes."""
    await link.request()
    await link.send(chunked_head(b"Content-Type: text/event-stream") + chunk(EVENT.replace(b'"usage"', b'"used"')))


async def test_a_stream_that_broke_is_told_with_estimated_tokens_and_no_hash() -> None:
    async with staged(breaks) as stage:
        async with raw_client(stage.url) as client:
            await client.send(CHAT)
            await client.rest()
        (record,) = await stage.records()
        assert has_no_text(stage.gateway)
    assert (record["outcome"], "answer_hash" in record) == ("cut", False)
    assert record["usage"]["estimated"] is True
    assert record["cost"] > 0 and record["cost_basis"].endswith(", tokens estimated")


async def test_a_client_that_left_is_told_with_what_it_had_cost_by_then() -> None:
    async with staged(half) as stage:
        async with raw_client(stage.url) as client:
            await client.send(CHAT)
            await client.head()
            client.reset()
            (record,) = await stage.records()
        assert has_no_text(stage.gateway)
        assert record["prompt_hash"] == hash_of(stage, record, BODY)
    assert (record["outcome"], "answer_hash" in record) == ("client_gone", False)
    assert record["cost"] > 0


async def test_what_the_stop_of_the_gateway_broke_off_is_told_with_what_it_had_cost_by_then() -> None:
    async with staged(half, server={"drain_timeout": 1}) as stage, raw_client(stage.url) as client:
        await client.send(CHAT)
        await client.head()
        await asyncio.to_thread(stage.gateway.stop)
        (record,) = [line for line in stage.gateway.lines() if line["event"] == "ended"]
        assert has_no_text(stage.gateway)
    assert (record["outcome"], "answer_hash" in record) == ("stopped", False)
    assert record["cost"] > 0


async def test_a_body_that_streams_through_is_not_hashed() -> None:
    sound = chunked_head(b"Content-Type: audio/mpeg") + chunk(TEXT.encode()) + chunk(b"")
    upload = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + TEXT.encode() + b"\r\n--b--\r\n"
    )
    request = (
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(upload)
    )
    async with staged(Recording(sound)) as stage:
        record = await bundle_of(stage, await stage.ask(request + upload))
    assert record["outcome"] == "answered"
    assert {"prompt_hash", "answer_hash"}.isdisjoint(record)


async def test_sound_is_charged_at_its_own_price() -> None:
    usage = {
        "prompt_tokens": 1_000_000,
        "completion_tokens": 0,
        "prompt_tokens_details": {"audio_tokens": 1_000_000, "cached_tokens": 0},
    }
    body = json.dumps({"model": "gpt-4o-audio-preview", "choices": [], "usage": usage}).encode()
    async with staged(Recording(reply(body, b"Content-Type: application/json"))) as stage:
        record = await bundle_of(stage, await stage.ask(CHAT))
    assert record["usage"]["audio_input_tokens"] == 1_000_000
    assert record["cost"] == 40.0


EVERYTHING = f"""
from gateway import *


class Everything:
    @hookimpl
    def observe(self, exchange: Exchange) -> Signals:
        return Signals({{"stress": 0.5}}, {{"stress": "ada@example.com is late"}})

    @hookimpl
    def route(self, exchange: Exchange) -> Route:
        return Route((Target(model="gpt-4.1-mini"),), because="it is cheaper")

    @hookimpl
    def recall(self, exchange: Exchange) -> Context:
        return Context("{TEXT}", source="memory")

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        changes = Set(("temperature",), 0.25), Set(("user",), "{TEXT}")
        return Nudge(changes, because="stress", hosted={{"weather": "weather"}})

    @hookimpl
    def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult | None:
        return ToolResult("{TEXT}") if call.name == "weather" else None

    @hookimpl
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> Refusal | None:
        return Refusal("No such tool.", code="tool_not_allowed") if call.name == "rm" else None

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Redact | None:
        return Redact(window.text.replace("{TEXT}", "[hidden]"), because="a name") if "{TEXT}" in window.text else None

    @hookimpl
    def review(self, exchange: Exchange) -> Amendment:
        return Amendment((Set(("choices", 0, "message", "content"), "{TEXT}!"),), because="calm")
"""


@pytest.fixture(scope="module")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway that has run a tool in one exchange and blocked one in another, with a plugin that does everything."""
    plugin = tmp_path_factory.mktemp("plugins") / "everything.py"
    plugin.write_text(EVERYTHING)
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    with (
        run_server(create_app()) as simulator,
        running_gateway(simulator, chain=["sign_in", "tier_check", "usage", str(plugin)]) as running,
        openai.OpenAI(base_url=running.base_url, api_key="sk-test", max_retries=0) as client,
    ):
        for call in ("weather", "rm"):
            client.chat.completions.create(
                model="gpt-4o",
                messages=[{"role": "user", "content": f'!tool {call} {{"who": "{TEXT}"}}\n!say I am {TEXT}'}],
                tools=tools,
                temperature=1,
            )
        running.records(2)
        yield running


def test_what_plugins_did_stands_in_the_bundle(governed: RunningGateway) -> None:
    ran, blocked = governed.records(2)
    assert has_no_text(governed)
    assert b"ada@" not in governed.journal.read_bytes()
    assert ran["signals"] == {"stress": 0.5}
    assert ran["route"] == {
        "targets": [{"upstream": "default", "model": "gpt-4.1-mini"}],
        "answered": 0,
        "because": "it is cheaper",
    }
    assert (ran["model"], ran["model_used"]) == ("gpt-4o", "gpt-4.1-mini")
    assert [(each["hook"], each["parameter"], each.get("before"), each.get("after")) for each in ran["changes"]] == [
        ("route", "model", "gpt-4o", "gpt-4.1-mini"),
        ("recall", "messages", "[list of 1]", "[list of 4]"),
        ("shape", "temperature", 1, 0.25),
        ("shape", "user", None, "[15 characters]"),
        ("review", "choices.0.message.content", None, "[16 characters]"),
    ]
    assert ran["tools"]["allowed"] == ["weather"]
    assert [(use["name"], use["status"]) for use in ran["tools"]["used"]] == [("weather", "ok")]
    assert [(use["name"], use["status"]) for use in blocked["tools"]["blocked"]] == [("rm", "blocked")]
    assert ran["retrieval"] == {"hits": 1, "characters": len(TEXT)}
    assert len(ran["attempts"]) == 2


def test_what_plugins_did_shows_in_the_views(governed: RunningGateway) -> None:
    with warehouse(governed.gateway.data) as opened:
        assert asked(opened, "SELECT tool, status, because FROM tool_calls ORDER BY happened") == [
            ("weather", "ok", None),
            ("rm", "blocked", "tool_not_allowed"),
        ]
        assert asked(opened, "SELECT DISTINCT signal, level, plugin, because FROM signals") == [
            ("stress", 0.5, "everything", "[redacted] is late")
        ]
        assert asked(opened, "SELECT DISTINCT hook, verdict, code FROM moderation ORDER BY ALL") == [
            ("allow_tool", "refusal", "tool_not_allowed"),
            ("watch", "redact", None),
        ]
        changes = (
            "SELECT hook, plugin, path, before, value, in_reply FROM changes WHERE path != 'messages' ORDER BY ALL"
        )
        assert [row for row in asked(opened, changes) if row[0] != "shape" or row[2] == "temperature"] == [
            ("review", "everything", "choices.0.message.content", None, '"[16 characters]"', True),
            ("review", "everything", "choices.0.message.content", None, '"[16 characters]"', True),
            ("route", None, "model", '"gpt-4o"', '"gpt-4.1-mini"', False),
            ("route", None, "model", '"gpt-4o"', '"gpt-4.1-mini"', False),
            ("shape", "everything", "temperature", "1", "0.25", False),
            ("shape", "everything", "temperature", "1", "0.25", False),
        ]
        columns = "cost > 0, cost_basis, safety_mode, length(prompt_hash), length(answer_hash), upstream_status"
        assert asked(opened, f"SELECT {columns} FROM exchanges ORDER BY safety_mode") == [
            (True, "gpt-4.1-mini from 2025-04-14", "balanced", 43, 43, 200),
            (True, "gpt-4.1-mini from 2025-04-14", "strict", 43, 43, 200),
        ]
        apart = "abs(decide_ms + wait_ms + relay_ms - total_ms)"
        assert asked(opened, f"SELECT count(*) FROM exchanges WHERE {apart} > greatest(50, total_ms)") == [(0,)]
        assert asked(opened, "SELECT more FROM exchanges WHERE more IS NOT NULL") == []
