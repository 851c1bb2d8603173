"""Streams: when bytes go out, what a review can still do, and how each way of ending is told and recorded."""

import os
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.builders.served import eventually
from tests.interactions.crossing import AUDIT_ID, MODEL, Crossing, crossing

GUARD = '''
from gateway import Exchange, Hold, Refusal, Release, ToolCall, Window, hookimpl


class Guard:
    """Holds what it can, wants to see whole calls, and refuses replies that speak of gold."""

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Hold | Release:
        return Release() if window.last else Hold("there may be more")

    @hookimpl(needs="arguments")
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> None:
        return None

    @hookimpl
    def review(self, exchange: Exchange) -> Refusal | None:
        says = exchange.reply.body if exchange.reply is not None else b""
        return Refusal("Nothing about gold.", code="gold") if b"gold" in says else None
'''
SETTINGS = """
server: {drain_timeout: 2}
chain: [default, guard.py]
plugins: {log: {to: nowhere}}
auth: {keys: [{key: lk-shadow-0}]}
"""
KEY = "lk-shadow-0"
LOOKUP: Any = {
    "type": "function",
    "function": {"name": "lookup", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
ENDPOINTS = pytest.mark.parametrize("path", ["/chat/completions", "/responses"])
EITHER = pytest.mark.parametrize("which", ["gateway", "guarded"])


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crossing]:
    """A gateway where a plugin asks for windows of text, whole calls and a review."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "guard.py").write_text(GUARD)
    with crossing(folder, SETTINGS, "--one-process") as running:
        yield running


@pytest.fixture
def either(which: str, request: pytest.FixtureRequest) -> Crossing:
    """The gateway that passes, or the one that holds a window."""
    found: Crossing = request.getfixturevalue(which)
    return found


class Came:
    """What a client got of a stream: each piece with the second at which it came; `broken` if it did not end well."""

    def __init__(self) -> None:
        self.status = 0
        self.audit_id = ""
        self.pieces: list[tuple[float, bytes]] = []
        self.broken = False

    @property
    def body(self) -> bytes:
        return b"".join(piece for _, piece in self.pieces)

    def second_of(self, words: bytes) -> float:
        """When the first piece came that has these words."""
        return next(at for at, piece in self.pieces if words in piece)

    @property
    def ended(self) -> float:
        return self.pieces[-1][0]


def body_of(path: str, says: str, *, stream: bool = True, **members: Any) -> dict[str, Any]:
    asked = {"input": says} if path == "/responses" else {"messages": [{"role": "user", "content": says}]}
    return {"model": MODEL, **asked, "stream": stream, **members}


def streamed(base: str, path: str, body: Any, most: int = 1 << 30) -> Came:
    """Reads a stream, and leaves after so many pieces."""
    came = Came()
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.stream("POST", f"{base}/v1{path}", json=body, headers=headers, timeout=20, verify=False) as answer:
        came.status, came.audit_id = answer.status_code, answer.headers.get(AUDIT_ID, "")
        try:
            for piece in answer.iter_raw():
                came.pieces.append((time.monotonic(), piece))
                if len(came.pieces) >= most:
                    break
        except httpx.RemoteProtocolError:
            came.broken = True
    return came


def told_apart(body: bytes) -> bytes:
    """A stream without what differs from one answer of the simulator to the next: names and dates."""
    body = re.sub(rb'"(created|created_at|completed_at)":\d+', rb'"\1":0', body)
    return re.sub(rb"\b(chatcmpl-|resp_|call_|fc_|msg_)[0-9a-f]+", rb"\1", body)


@ENDPOINTS
def test_without_a_plugin_that_watches_text_goes_out_at_once(gateway: Crossing, path: str) -> None:
    came = streamed(gateway.url, path, body_of(path, "!say first and last\n!chunks 3 pace=250"))

    assert came.ended - came.second_of(b"first") > 0.4
    assert gateway.record(came.audit_id)["outcome"] == "answered"


@ENDPOINTS
def test_a_window_is_released_in_steps_and_at_most_a_second_late(guarded: Crossing, path: str) -> None:
    began = time.monotonic()

    came = streamed(guarded.url, path, body_of(path, "!say first, second, third and last\n!chunks 5 pace=350"))

    assert came.second_of(b"first") - began > 0.9
    assert came.second_of(b"first") < came.second_of(b"last") - 0.2
    record = guarded.record(came.audit_id)
    assert record["outcome"] == "answered"
    assert any(step["hook"] == "watch" for step in record["trail"])


@ENDPOINTS
@EITHER
def test_the_deltas_of_a_call_are_the_original_bytes(either: Crossing, path: str) -> None:
    tool = LOOKUP if path != "/responses" else {"type": "function", **LOOKUP["function"]}
    body = body_of(path, '!say Let me look.\n!tool lookup {"city": "Oslo"}\n!chunks 4', tools=[tool])

    direct, through = streamed(either.upstream, path, body), streamed(either.url, path, body)

    assert told_apart(through.body) == told_apart(direct.body)
    assert b"lookup" in through.body
    assert either.record(through.audit_id)["outcome"] == "answered"


def test_a_call_waits_for_its_whole_only_where_a_plugin_asks_for_it(gateway: Crossing, guarded: Crossing) -> None:
    body = body_of("/chat/completions", '!tool lookup {"city": "Oslo"}\n!chunks 4 pace=200', tools=[LOOKUP])

    passed = streamed(gateway.url, "/chat/completions", body)
    held = streamed(guarded.url, "/chat/completions", body)

    assert passed.ended - passed.second_of(b'"lookup"') > 0.3
    assert held.ended - held.second_of(b'"lookup"') < 0.2


@ENDPOINTS
def test_a_review_that_refuses_a_stream_ends_it_with_an_error_event(guarded: Crossing, path: str) -> None:
    came = streamed(guarded.url, path, body_of(path, "!say there is gold in the hills"))

    assert came.status == 200
    assert b'"code":"gold"' in came.body.replace(b" ", b"")
    assert b"[DONE]" not in came.body
    assert b"response.completed" not in came.body
    assert guarded.row(came.audit_id, "outcome, refusal") == ["refused", "gold"]


@ENDPOINTS
def test_a_review_that_refuses_a_whole_answer_refuses_plainly(guarded: Crossing, path: str) -> None:
    answer = guarded.ask(KEY, path, body_of(path, "!say there is gold in the hills", stream=False))

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "gold")
    assert b"hills" not in answer.content
    assert guarded.row(answer.headers[AUDIT_ID], "outcome, refusal") == ["refused", "gold"]


@EITHER
def test_when_the_client_leaves_the_upstream_is_cancelled(either: Crossing, which: str) -> None:
    def cancelled() -> int:
        count: int = httpx.get(f"{either.upstream}/_stats").json()["cancelled"]
        return count

    before = cancelled()

    came = streamed(either.url, "/chat/completions", body_of("/chat/completions", "!long 400\n!chunks 400 pace=20"), 1)

    assert eventually(lambda: cancelled() == before + 1)
    assert either.row(came.audit_id, "outcome") == ["client_gone"]


@EITHER
@ENDPOINTS
def test_when_the_upstream_breaks_an_error_event_ends_the_stream(either: Crossing, path: str) -> None:
    came = streamed(either.url, path, body_of(path, "!say one two three four five six\n!chunks 6\n!cut 3"))

    assert b"three" in came.body
    assert b'"error"' in came.body
    assert b"[DONE]" not in came.body
    assert b"response.completed" not in came.body
    assert either.row(came.audit_id, "outcome") == ["cut"]


@ENDPOINTS
def test_when_the_upstream_breaks_a_whole_answer_it_is_502(guarded: Crossing, path: str) -> None:
    answer = guarded.ask(KEY, path, body_of(path, "!say one two three four five six\n!cut 3", stream=False))

    assert answer.status_code == 502
    assert guarded.row(answer.headers[AUDIT_ID], "outcome, status") == ["upstream_error", 502]


@EITHER
def test_what_a_killed_worker_had_begun_is_lost_and_told_so(either: Crossing) -> None:
    body = body_of("/chat/completions", "!long 400\n!chunks 400 pace=20")
    headers = {"authorization": f"Bearer {KEY}"}
    before = set(either.serving.pids("worker"))
    with httpx.stream("POST", f"{either.url}/v1/chat/completions", json=body, headers=headers) as answer:
        audit_id = answer.headers[AUDIT_ID]
        pieces = answer.iter_raw()
        next(pieces)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(httpx.RemoteProtocolError):
            for _ in pieces:
                pass

    assert eventually(lambda: len(set(either.serving.pids("worker")) - before) == len(before), 20)
    eventually(lambda: _answers(either), 20)
    assert eventually(lambda: either.row(audit_id, "outcome") == ["lost"], 20)


def _answers(gateway: Crossing) -> bool:
    try:
        return gateway.chat(KEY, "Hello").status_code == 200
    except httpx.TransportError:
        return False
