"""Plugins that judge replies, end to end: texts, calls, tools that run here, reviews; whole and streamed."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest

from gateway import Exchange, Hold, Window, hookimpl
from gateway.pipeline import Sizes
from gateway.simulator import create_app
from gateway.transport import ConnectError, UpstreamBroken
from tests.builders.fake_client import FakeClient
from tests.builders.fake_transport import EVENTS, FakeReply, FakeTransport, a_stream, chat_events
from tests.builders.gateway import RunningGateway, running_gateway
from tests.builders.hosting import Allows, Hosts
from tests.builders.pipelines import Passages
from tests.builders.servers import run_server
from tests.builders.turns import Turn, reply_of, request_of, stream_of

PLUGIN = """
from gateway import *

class Mine:
{methods}
"""
HIDES_NAMES = """
    NAME = "Rumpelstilzchen"

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Redact | Hold | None:
        if self.NAME in window.text:
            return Redact(window.text.replace(self.NAME, "[hidden]"))
        may_go_on = any(window.text.endswith(self.NAME[:length]) for length in range(1, len(self.NAME)))
        return Hold() if may_go_on else None
"""
CUTS = """
    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Cut | None:
        return Cut("a bad word", code="bad_word") if "bad" in window.text else None
"""
FORBIDS_A_TOOL = """
    @hookimpl
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> Refusal | None:
        return Refusal("No such tool.", code="tool_not_allowed") if call.name == "rm" else None
"""
RUNS_A_TOOL = """
    @hookimpl
    def register_tools(self) -> list[Tool]:
        return [Tool("forecast", "weather", "The weather.", {"type": "object"})]

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        return Nudge((), "it is hosted here", hosted={"weather": "forecast"})

    @hookimpl
    async def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult | None:
        return ToolResult("42 degrees") if call.name == "weather" else None
"""
ALWAYS_RUNS = """
    @hookimpl
    def register_tools(self) -> list[Tool]:
        return [Tool("more", "more", "More.", {"type": "object"})]

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        return Nudge((), "it is hosted here", hosted={"more": "more"})

    @hookimpl
    def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult | None:
        return ToolResult("again")

    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        said = str(exchange.request.json)
        bad = "!judge" in said and "again" in said
        return Refusal("The tool said something bad.", code="bad_output") if bad else None
"""
KNOWN = "Hello"
"""With its answer the upstream has accepted the key, from when on hosted tools run for it."""
REVIEWS = """
    @hookimpl
    def review(self, exchange: Exchange) -> Refusal | Amendment | Retry | None:
        text = output_text(exchange)
        if "refuse me" in text:
            return Refusal("Not this one.", code="reviewed", status=403)
        if "amend me" in text:
            return Amendment((Set(("choices", 0, "message", "content"), "amended"),), because="it asked")
        if "try again" in text:
            return Retry("once more", (Set(("messages", 0, "content"), "!say second try"),))
        if "spoil me" in text:
            return Amendment((Set(("no", "such", "place"), 1),), because="a mistake")
        return None
"""
BREAKS = """
    @hookimpl
    def review(self, exchange: Exchange) -> Refusal | None:
        raise RuntimeError("lost")
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with run_server(create_app()) as url:
        yield url


@pytest.fixture
def gateway(upstream: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RunningGateway]:
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN.format(methods=request.param))
    with running_gateway(upstream, chain=["default", str(file)]) as running:
        yield running


def said(gateway: RunningGateway, text: str, **members: Any) -> Any:
    """Asks for a chat completion; gives the first message."""
    return raw(gateway, text, **members).choices[0].message


def raw(gateway: RunningGateway, text: str, **members: Any) -> Any:
    client = openai.OpenAI(base_url=gateway.base_url, api_key="sk-test", max_retries=0)
    with client:
        return client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": text}], **members
        )


def streamed(gateway: RunningGateway, text: str, **members: Any) -> str:
    """Asks for a stream; gives its text, up to the end or the error that it raises."""
    with openai.OpenAI(base_url=gateway.base_url, api_key="sk-test", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": text}], stream=True, **members
        )
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


@pytest.mark.parametrize("gateway", [HIDES_NAMES], indirect=True)
def test_a_redacted_text_goes_out_changed_and_the_rest_as_it_came(gateway: RunningGateway) -> None:
    reply = raw(gateway, "!say I am Rumpelstilzchen indeed")
    assert reply.choices[0].message.content == "I am [hidden] indeed"
    assert reply.system_fingerprint == "fp_simulated"


@pytest.mark.parametrize("gateway", [HIDES_NAMES], indirect=True)
@pytest.mark.parametrize("chunks", [1, 3, 40])
def test_a_redacted_text_never_goes_out_on_a_stream_however_it_is_cut(gateway: RunningGateway, chunks: int) -> None:
    assert streamed(gateway, f"!say I am Rumpelstilzchen indeed\n!chunks {chunks}") == "I am [hidden] indeed"


@pytest.mark.parametrize("gateway", [CUTS], indirect=True)
def test_a_cut_reply_is_a_refusal_that_does_not_repeat_it(gateway: RunningGateway) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        said(gateway, "!say something bad here")
    assert (caught.value.code, "something" in caught.value.message) == ("bad_word", False)
    (record,) = gateway.records()
    assert (record["outcome"], record["status"], record["usage"]["input_tokens"] > 0) == ("refused", 403, True)


@pytest.mark.parametrize("gateway", [CUTS], indirect=True)
def test_a_cut_stream_ends_with_an_error_after_what_was_released(gateway: RunningGateway) -> None:
    with pytest.raises(openai.APIError) as caught:
        streamed(gateway, "!say one two three four bad five\n!chunks 6")
    assert caught.value.code == "bad_word"
    (record,) = gateway.records()
    assert (record["outcome"], record["refusal"]["code"]) == ("refused", "bad_word")


@pytest.mark.parametrize("gateway", [FORBIDS_A_TOOL], indirect=True)
def test_a_forbidden_call_is_answered_and_never_delivered(gateway: RunningGateway) -> None:
    tools: Any = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("rm", "ls")]
    message = said(gateway, '!tool rm {"path": "/"}', tools=tools)
    assert (message.tool_calls, message.content) == (None, "The tool rm answered: This tool is not available.")
    (record,) = gateway.records()
    (blocked,) = record["tools"]["blocked"]
    assert (blocked["name"], blocked["because"], blocked["summary"]) == (
        "rm",
        "tool_not_allowed",
        "path: [1 characters]",
    )


@pytest.mark.parametrize("gateway", [FORBIDS_A_TOOL], indirect=True)
def test_where_the_model_cannot_be_told_a_forbidden_call_refuses_the_reply(gateway: RunningGateway) -> None:
    tools: Any = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("rm", "ls")]
    with pytest.raises(openai.APIError) as caught:
        raw(gateway, '!tool rm {"path": "/"}', tools=tools, n=2)
    assert caught.value.code == "tool_not_allowed"


@pytest.mark.parametrize("gateway", [FORBIDS_A_TOOL], indirect=True)
def test_an_allowed_call_is_delivered(gateway: RunningGateway) -> None:
    tools: Any = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("rm", "ls")]
    (call,) = said(gateway, '!tool ls {"path": "/"}', tools=tools).tool_calls
    assert (call.function.name, call.function.arguments) == ("ls", '{"path": "/"}')


@pytest.mark.parametrize("gateway", [RUNS_A_TOOL], indirect=True)
def test_a_tool_that_runs_here_is_told_to_the_model_and_not_to_the_client(gateway: RunningGateway) -> None:
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    said(gateway, KNOWN)
    message = said(gateway, "!tool weather {}", tools=tools)
    assert message.tool_calls is None
    assert "42 degrees" in message.content
    _, record = gateway.records(2)
    assert [attempt["status"] for attempt in record["attempts"]] == [200, 200]


@pytest.mark.parametrize("gateway", [RUNS_A_TOOL], indirect=True)
def test_a_call_that_nobody_runs_is_the_clients(gateway: RunningGateway) -> None:
    tools: Any = [{"type": "function", "function": {"name": "mine", "parameters": {}}}]
    assert said(gateway, "!tool mine {}", tools=tools).tool_calls[0].function.name == "mine"


@pytest.mark.parametrize("gateway", [ALWAYS_RUNS], indirect=True)
def test_a_tool_loop_has_an_end_and_its_last_step_goes_out_without_tools(gateway: RunningGateway) -> None:
    tools: Any = [{"type": "function", "function": {"name": "more", "parameters": {}}}]
    said(gateway, KNOWN)
    message = said(gateway, "\n".join(["!tool more {}"] * 20), tools=tools)
    assert (message.tool_calls, "again" in message.content) == (None, True)
    _, record = gateway.records(2)
    assert len(record["attempts"]) == 6


@pytest.mark.parametrize("gateway", [ALWAYS_RUNS], indirect=True)
def test_the_output_of_a_tool_is_judged_too(gateway: RunningGateway) -> None:
    tools: Any = [{"type": "function", "function": {"name": "more", "parameters": {}}}]
    said(gateway, KNOWN)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        said(gateway, "!judge\n!tool more {}", tools=tools)
    assert caught.value.code == "bad_output"


@pytest.mark.parametrize("gateway", [REVIEWS], indirect=True)
@pytest.mark.parametrize(("asked", "answer"), [("amend me", "amended"), ("try again", "second try"), ("fine", "fine")])
def test_a_review_amends_or_asks_for_another_try(gateway: RunningGateway, asked: str, answer: str) -> None:
    assert said(gateway, f"!say {asked}").content == answer


@pytest.mark.parametrize("gateway", [REVIEWS], indirect=True)
def test_a_review_refuses(gateway: RunningGateway) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        said(gateway, "!say refuse me")
    assert caught.value.code == "reviewed"


@pytest.mark.parametrize("gateway", [REVIEWS], indirect=True)
def test_an_amendment_of_a_place_that_is_not_there_refuses_the_reply(gateway: RunningGateway) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        said(gateway, "!say spoil me")
    assert caught.value.code == "plugin_failed"


@pytest.mark.parametrize("gateway", [REVIEWS], indirect=True)
def test_a_review_that_refuses_a_stream_takes_the_place_of_its_end(gateway: RunningGateway) -> None:
    with pytest.raises(openai.APIError) as caught:
        streamed(gateway, "!say please refuse me")
    assert caught.value.code == "reviewed"


@pytest.mark.parametrize("gateway", [REVIEWS], indirect=True)
def test_an_amendment_of_a_stream_comes_too_late_and_is_counted(gateway: RunningGateway) -> None:
    assert streamed(gateway, "!say amend me") == "amend me"
    (record,) = gateway.records()
    assert any("already going out" in step.get("fault", "") for step in record["trail"])


@pytest.mark.parametrize("gateway", [BREAKS], indirect=True)
@pytest.mark.parametrize("ask", [raw, streamed])
def test_a_review_that_breaks_lets_nothing_end_well(gateway: RunningGateway, ask: Callable[..., Any]) -> None:
    with pytest.raises(openai.APIError) as caught:
        ask(gateway, "!say hello")
    assert caught.value.code == "plugin_failed"


# Within the call that brings a piece.


class Reads:
    """Notes every text that it is asked about; holds those that say so."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Hold | None:
        self.seen.append(window.text)
        return Hold() if "hold" in window.text else None


async def test_a_piece_that_has_to_wait_is_judged_and_sent_once(tmp_path: Path) -> None:
    reads, events, client = Reads(), chat_events(["Hel", "lo"]), FakeClient()
    passages = Passages(tmp_path, FakeTransport(a_stream(*events)), reads)
    await passages.carry(client)
    passages.close()
    assert client.sent == b"".join(events)
    assert "".join(reads.seen) == "Hello"


async def test_a_client_that_reads_slowly_is_sent_nothing_until_it_has_caught_up(tmp_path: Path) -> None:
    first, second, done = chat_events()
    client = FakeClient()

    def pause() -> None:
        client.paused = True

    passages = Passages(tmp_path, FakeTransport(a_stream(first, pause, second, done)), Reads())
    task = passages.begin(client)
    await asyncio.sleep(0.1)
    assert client.sent == first
    client.paused = False
    client.readable.set()
    await task
    passages.close()
    assert client.sent == first + second + done


async def test_what_is_held_is_asked_about_again_while_the_upstream_is_silent(tmp_path: Path) -> None:
    reads, client, silent = Reads(), FakeClient(), asyncio.Event()
    first, second, done = chat_events(["Hello", "hold"])
    sizes = Sizes(json_body=1 << 20, body=1 << 20, hold_ms=50)
    passages = Passages(tmp_path, FakeTransport(a_stream(first, second, silent, done)), reads, sizes=sizes)
    task = passages.begin(client)
    await asyncio.sleep(0.3)
    assert reads.seen.count("hold") > 1
    silent.set()
    await task
    passages.close()


# Steps of a loop whose replies are not what they should be.

LOOKS = Turn("Let me see.", (("look", "{}"),))
SILENT = Turn("", (("look", "{}"),))
STREAMED = request_of("chat", streamed=True)


def a_step(turn: Turn, number: int = 0) -> FakeReply:
    return FakeReply(stream_of("chat", turn, number), headers=(*EVENTS, (b"x-request-id", b"req_%d" % number)))


async def relayed(folder: Path, *steps: Any, body: bytes = STREAMED) -> tuple[FakeClient, Passages]:
    client, passages = FakeClient(body), Passages(folder, FakeTransport(*steps), Hosts(["look"]), Allows("look"))
    await passages.carry(client)
    passages.close()
    return client, passages


@pytest.mark.parametrize(
    "second",
    [
        FakeReply(b'{"error":{"message":"slow down"}}', status=429),
        FakeReply(b"<html>", status=502, headers=((b"Content-Type", b"text/html"),)),
        FakeReply(b'{"choices":[]}'),
        ConnectError("nobody there"),
    ],
    ids=["429", "html", "not a stream", "no connection"],
)
async def test_a_step_that_fails_ends_the_stream_with_an_error_event(tmp_path: Path, second: Any) -> None:
    client, passages = await relayed(tmp_path, a_step(LOOKS), second)
    assert (client.status, client.ending) == (200, "aborted")
    assert b'"content":"Let' in client.sent.replace(b": ", b":")
    assert client.sent.endswith(b"\n\n") and b'data: {"error":{' in client.sent
    assert b"[DONE]" not in client.sent and b'finish_reason": "tool_calls' not in client.sent
    assert passages.record()["outcome"] in ("cut", "refused")


@pytest.mark.parametrize("cut", ["[DONE]", "finish_reason"])
async def test_a_stream_that_breaks_before_its_end_runs_nothing(tmp_path: Path, cut: str) -> None:
    stream = stream_of("chat", LOOKS, 0)
    broken = FakeReply(stream[: stream.rindex(cut.encode())], UpstreamBroken("gone"), headers=EVENTS)
    client, passages = await relayed(tmp_path, broken)
    assert client.ending == "aborted"
    assert passages.record().get("tools", {}).get("used") is None


@pytest.mark.parametrize("reason", ["length", "content_filter"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_turn_that_was_cut_short_runs_nothing_and_is_the_last(
    tmp_path: Path, reason: str, streamed: bool
) -> None:
    if streamed:
        step = FakeReply(stream_of("chat", LOOKS, 0).replace(b'"tool_calls"}]', b'"%b"}]' % reason.encode()))
        step.headers = EVENTS
        client, passages = await relayed(tmp_path, step)
        assert b'"%b"' % reason.encode() in client.sent and b"[DONE]" in client.sent
    else:
        reply = reply_of("chat", LOOKS, 0)
        reply["choices"][0]["finish_reason"] = reason
        body = request_of("chat", streamed=False)
        client, passages = await relayed(tmp_path, FakeReply(msgspec.json.encode(reply)), body=body)
        assert client.json["choices"][0]["finish_reason"] == reason
    assert (client.status, b'"look"' in client.sent) == (200, False)
    assert passages.seen.ended[0].tools == []


async def test_what_was_read_of_all_steps_is_recorded_as_it_went_out(tmp_path: Path) -> None:
    client, passages = await relayed(tmp_path, a_step(LOOKS), a_step(SILENT, 1), a_step(Turn("Done."), 2))
    (exchange,) = passages.seen.ended
    assert exchange.reply is not None and exchange.reply.body == client.sent
    assert exchange.reply.json["choices"][0]["message"]["content"] == "Let me see.\n\nDone."
    assert [attempt.request_id for attempt in exchange.attempts] == ["req_0", "req_1", "req_2"]


async def test_a_call_that_changes_its_name_after_it_was_withheld_does_not_run(tmp_path: Path) -> None:
    late = b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"_up"}}]}}]}\n\n'
    stream = stream_of("chat", SILENT, 0)
    at = stream.rindex(b"data: ", 0, stream.index(b'"finish_reason": "tool_calls"'))
    odd = FakeReply(stream[:at], late + stream[at:], headers=EVENTS)
    client, passages = await relayed(tmp_path, odd, a_step(Turn("Done."), 1))
    (use,) = passages.seen.ended[0].tools
    assert (use.name, use.status, use.because) == ("look_up", "blocked", "call_changed")
    assert client.sent.count(b"[DONE]") == 1


@pytest.mark.parametrize("reply", [b'{"choices":[]}', None], ids=["whole", "stream"])
async def test_an_exchange_leaves_nothing_for_the_collector(tmp_path: Path, reply: bytes | None) -> None:
    replies = [a_stream(*chat_events(["Hel", "lo"])) if reply is None else FakeReply(reply) for _ in range(2)]
    passages = Passages(tmp_path, FakeTransport(*replies), Allows("look"), Reads())
    await passages.carry(FakeClient(b'{"model":"m"}'))
    gc.collect()
    gc.disable()
    try:
        await passages.carry(FakeClient(b'{"model":"m"}'))
        assert gc.collect() == 0
    finally:
        gc.enable()
        passages.close()
