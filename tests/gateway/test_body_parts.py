"""The bodies of an exchange as they are kept: redacted, bounded, no binary, and marked where they were withheld."""

import asyncio
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import Cut, Exchange, Hold, Redact, Refusal, Release, hookimpl
from gateway.body_parts import LONGEST_STREAM, Part, parts_of
from gateway.exchange import Outcome, Reply, Request, Step
from gateway.testing import a_reply, a_streamed_reply, an_exchange
from gateway.writable import written
from tests.builders.fake_client import CHAT, FakeClient
from tests.builders.fake_transport import FakeTransport, a_chat_reply, a_stream, chat_events
from tests.builders.pipelines import Passages

LIMIT = 64 << 10
JSON = "application/json"


def answered(*, reply: Reply) -> Exchange:
    """An exchange whose reply went out to its end."""
    exchange = an_exchange(reply=reply)
    exchange.outcome = "answered"
    return exchange


def request_of(exchange: Exchange, limit: int = LIMIT) -> Part:
    request = parts_of(exchange, limit).request
    assert request is not None
    return request


def reply_of(exchange: Exchange, limit: int = LIMIT) -> Part:
    reply = parts_of(exchange, limit).reply
    assert reply is not None
    return reply


def events(*texts: str) -> bytes:
    """A chat stream that says these texts."""
    deltas = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    lines = [
        b"data: " + msgspec.json.encode({"id": "chatcmpl-1", "object": "chat.completion.chunk", **each})
        for each in deltas
    ]
    return b"\n\n".join([*lines, b"data: [DONE]", b""])


def said_in(part: Part) -> str:
    content: str = part.json["choices"][0]["message"]["content"]
    return content


def step(hook: str, answer: Any = None, fault: str | None = None) -> Step:
    return Step(hook, "guard", "1", 0, 1, answer, fault)


def test_a_request_is_kept_as_its_json() -> None:
    exchange = an_exchange("Where is the treasure?")
    part = request_of(exchange)
    assert part.json == exchange.request.json
    assert (part.type, part.bytes, part.cut) == (JSON, len(exchange.request.body or b""), False)


def test_what_plugins_made_of_a_request_is_kept_beside_it_and_not_for_the_client() -> None:
    exchange = an_exchange("Where is the treasure?")
    assert parts_of(exchange, LIMIT).sent is None
    exchange.request = an_exchange("Where is the treasure? Be brief.").request
    parts = parts_of(exchange, LIMIT)
    assert parts.request and not parts.request.withheld and parts.request.json == exchange.asked.json
    assert parts.sent and parts.sent.withheld and parts.sent.json == exchange.request.json


def test_a_reply_is_kept_as_its_json() -> None:
    part = reply_of(answered(reply=a_reply("Under the palm.")))
    assert said_in(part) == "Under the palm."
    assert (part.type, part.cut, part.withheld) == (JSON, False, False)


def test_secrets_are_taken_out_of_both_at_any_depth() -> None:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "my key is sk-abcdefghijkl"}],
        "metadata": {"api_key": "x"},
    }
    exchange = an_exchange(body, reply=a_reply("Bearer abc.def.ghi is yours"))
    parts = msgspec.json.encode(parts_of(exchange, LIMIT))
    assert b"sk-abc" not in parts and b'"api_key":"[redacted]"' in parts
    assert b"abc.def" not in parts and b"my key is [redacted]" in parts


def test_a_stream_is_kept_as_the_object_that_it_adds_up_to() -> None:
    part = reply_of(an_exchange(reply=a_streamed_reply(events("Under ", "the ", "palm."))))
    assert said_in(part) == "Under the palm."
    assert (part.type, part.cut) == ("text/event-stream", False)


def test_of_a_long_stream_the_beginning_is_kept() -> None:
    stream = events(*("word " for _ in range(LONGEST_STREAM // 60)))
    assert len(stream) > LONGEST_STREAM
    part = reply_of(an_exchange(reply=a_streamed_reply(stream)), 1 << 20)
    assert part.cut and part.bytes == len(stream)
    assert 1000 < len(said_in(part)) < LONGEST_STREAM


def test_a_reply_that_broke_off_says_so() -> None:
    part = reply_of(an_exchange(reply=a_streamed_reply(events("Under the"), whole=False)))
    assert part.cut and said_in(part) == "Under the"


def test_what_streamed_through_is_not_kept_and_says_so() -> None:
    exchange = an_exchange(
        path="/v1/audio/speech",
        headers={},
        reply=Reply(200, ((b"Content-Type", b"audio/mpeg"),), None, msgspec.json.decode),
    )
    exchange.asked = exchange.request = Request(exchange.endpoint, None)
    parts = parts_of(exchange, LIMIT)
    assert parts.request == Part(JSON, omitted="it streamed through unread")
    assert parts.reply == Part("audio/mpeg", omitted="it streamed through unread")


def test_where_there_was_no_body_there_is_no_part() -> None:
    exchange = an_exchange(b"", path="/v1/models", method="GET")
    assert (parts_of(exchange, LIMIT).request, parts_of(exchange, LIMIT).reply) == (None, None)


def test_each_body_has_its_own_bound() -> None:
    exchange = an_exchange("word " * 10_000, reply=a_reply("other " * 10_000))
    parts = parts_of(exchange, 2000)
    assert parts.request and parts.request.cut and parts.reply and parts.reply.cut
    assert 1500 < len(msgspec.json.encode(parts.request.json)) < 2500
    assert 1500 < len(msgspec.json.encode(parts.reply.json)) < 2500


def test_a_reply_that_is_no_json_is_kept_as_text_where_it_is_text() -> None:
    def none(_: bytes) -> None:
        return None

    page = Reply(502, ((b"content-type", b"text/html; charset=utf-8"),), b"<h1>Bad gateway</h1>", none)
    assert reply_of(an_exchange(reply=page)).text == "<h1>Bad gateway</h1>"
    sound = Reply(200, ((b"content-type", b"audio/mpeg"),), b"\xff\xfb", none)
    assert reply_of(an_exchange(reply=sound)).omitted == "it is not text"
    broken = Reply(
        200, ((b"content-type", JSON.encode()), (b"content-encoding", b"gzip")), b"no gzip", none, packed=True
    )
    assert (reply_of(an_exchange(reply=broken)).omitted or "").startswith("it cannot be read")


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(step("watch", Redact("***")), id="redacted"),
        pytest.param(step("allow_tool", Refusal("no")), id="a call was refused"),
        pytest.param(step("watch", None, "raised"), id="a guard broke"),
    ],
)
def test_a_reply_that_the_client_did_not_get_so_is_marked(said: Step) -> None:
    exchange = answered(reply=a_reply())
    exchange.trail.append(said)
    assert reply_of(exchange).withheld
    assert not request_of(exchange).withheld


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def leniently(body: bytes) -> Any:
    """Reads a reply as a relay does, whatever it is."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


@settings(max_examples=150)
@given(JSON_VALUES, st.binary(max_size=200), st.booleans(), st.sampled_from(["chat/completions", "responses", "x"]))
def test_nothing_that_strangers_send_stands_in_the_way(said: Any, body: bytes, streamed: bool, path: str) -> None:
    exchange = an_exchange({"input": said}, path=f"/v1/{path}")
    for text in (body, b"data: " + msgspec.json.encode(said) + b"\n\n", msgspec.json.encode({"choices": said})):
        whole = a_streamed_reply(text) if streamed else Reply(200, ((b"content-type", b"text/x"),), text, leniently)
        exchange.reply = whole
        for limit in (0, 50, LIMIT):
            assert msgspec.json.decode(written(parts_of(exchange, limit)))["request"]["bytes"] > 0


def test_a_reply_that_was_refused_as_a_whole_is_marked() -> None:
    exchange = answered(reply=a_reply())
    exchange.refusal = Refusal("no")
    assert reply_of(exchange).withheld


def test_a_reply_that_was_let_go_is_not_marked() -> None:
    exchange = answered(reply=a_reply())
    exchange.trail += [step("watch", Release()), step("watch"), step("observe", None, "raised")]
    assert not reply_of(exchange).withheld


@pytest.mark.parametrize("outcome", [each for each in get_args(Outcome) if each != "answered"])
def test_a_reply_that_did_not_go_out_to_its_end_is_marked(outcome: Outcome) -> None:
    exchange = an_exchange(reply=a_reply())
    exchange.outcome = outcome
    assert reply_of(exchange).withheld
    assert not request_of(exchange).withheld


class ReviewsForLong:
    @hookimpl
    async def review(self) -> Refusal:
        await asyncio.sleep(60)
        return Refusal("no")


class HoldsAll:
    @hookimpl
    def watch(self) -> Hold:
        return Hold()


class WatchesForLong:
    @hookimpl
    async def watch(self) -> Cut:
        await asyncio.sleep(60)
        return Cut("it is secret")


@pytest.mark.parametrize(
    ("plugin", "stream"),
    [(ReviewsForLong, False), (WatchesForLong, False), (WatchesForLong, True), (HoldsAll, True)],
)
async def test_whoever_leaves_before_the_verdict_has_no_right_to_the_reply(
    tmp_path: Path, plugin: type, stream: bool
) -> None:
    waiting = asyncio.Event()
    reply = a_stream(*chat_events(["The secret"], done=False), waiting) if stream else a_chat_reply("The secret")
    passages = Passages(tmp_path, FakeTransport(reply), plugin())
    client = FakeClient(CHAT)
    task = passages.begin(client)
    await asyncio.sleep(0.1)
    assert b"secret" not in client.sent
    client.leave()
    await asyncio.wait([task])
    passages.close()
    (exchange,) = passages.seen.ended
    part = reply_of(exchange)
    assert b"secret" in msgspec.json.encode(part)
    assert part.withheld
