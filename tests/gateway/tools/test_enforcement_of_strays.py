"""What tells of a call in other letters, or elsewhere, than the API does is never delivered, however it is cut."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.exchange import Headers
from gateway.guard.asking import NOT_UNDERSTOOD
from gateway.incidents import blocked_in
from tests.builders.governed_exchanges import GovernedExchanges, cut
from tests.builders.governing import CHAT, RESPONSES, function

ARGUMENTS = '{"disk":"sdz"}'
CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": ARGUMENTS}}
ITEM = {"type": "function_call", "id": "fc", "call_id": "c", "name": "look", "arguments": ARGUMENTS}
TWICE = f'"tool_calls":[{json.dumps(CALL)}],"tool_calls":[]'


def chat(holder: str, said: str) -> bytes:
    return b'{"id":"c","choices":[{"index":0,"%b":{%b}}]}' % (holder.encode(), said.encode())


TOLD: dict[str, tuple[str, Any]] = {
    "in capitals": (CHAT, lambda holder: chat(holder, f'"TOOL_CALLS":[{json.dumps(CALL)}]')),
    "as an object": (CHAT, lambda holder: chat(holder, f'"tool_calls":{{"0":{json.dumps(CALL)}}}')),
    "of a function in capitals": (CHAT, lambda _: chat("delta", '"Function_Call":{"name":"look","arguments":"sdz"}')),
    "with escapes": (CHAT, lambda holder: chat(holder, f'"TOOL\\u005fCALLS":[{json.dumps(CALL)}]')),
    "in the other place": (
        CHAT,
        lambda holder: chat("delta" if holder == "message" else "message", f'"tool_calls":[{json.dumps(CALL)}]'),
    ),
    "with a name in capitals": (
        CHAT,
        lambda holder: chat(holder, '"tool_calls":[{"function":{"name":"look","NAME":"rm","arguments":"sdz"}}]'),
    ),
    "twice": (CHAT, lambda holder: chat(holder, TWICE)),
    "of a response in capitals": (
        RESPONSES,
        lambda _: json.dumps({"type": "response.completed", "output": [], "Response": {"output": [ITEM]}}).encode(),
    ),
    "of an item in capitals": (
        RESPONSES,
        lambda _: json.dumps({"type": "x", "output": [{**ITEM, "type": "FUNCTION_CALL"}], "item": ITEM}).encode(),
    ),
}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[GovernedExchanges]:
    stage = GovernedExchanges(tmp_path)
    yield stage
    stage.close()


def request(path: str, *, streamed: bool) -> dict[str, Any]:
    asked: dict[str, Any] = {"input": "Hi"} if path == RESPONSES else {"messages": [{"role": "user", "content": "Hi"}]}
    return {"model": "m", **asked, "tools": [function("look", path)], "stream": streamed}


@pytest.mark.parametrize("which", TOLD)
def test_a_whole_reply_that_tells_so_is_refused(stage: GovernedExchanges, which: str) -> None:
    path, body = TOLD[which]
    client = stage.asked(path.encode(), request(path, streamed=False), body("message"))
    assert (client.status, client.code, b"sdz" in client.sent) == (502, NOT_UNDERSTOOD, False)
    assert len(stage.blocked) == 1
    # It is the upstream's doing.
    assert blocked_in(stage.last, stage.last.tools) == []


@pytest.mark.parametrize("places", [[], None], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("which", TOLD)
def test_a_stream_ends_ahead_of_the_event_that_tells_so(
    stage: GovernedExchanges, which: str, places: list[int] | None
) -> None:
    path, body = TOLD[which]
    begun = b'data: {"choices":[{"index":0,"delta":{"content":"I call tool_calls."}}],"type":"x"}\n\n'
    stream = b"%bdata: %b\n\ndata: [DONE]\n\n" % (begun, body("delta"))
    client = stage.asked(path.encode(), request(path, streamed=True), *cut(stream, places), streamed=True)
    assert client.sent.startswith(begun)
    assert (client.ending, NOT_UNDERSTOOD.encode() in client.sent, b"sdz" in client.sent) == ("aborted", True, False)
    assert len(stage.blocked) == 1


def test_a_stream_may_be_cut_anywhere(stage: GovernedExchanges) -> None:
    path, body = TOLD["in capitals"]
    stream = b"data: %b\n\ndata: [DONE]\n\n" % body("delta")
    for at in range(1, len(stream)):
        client = stage.asked(path.encode(), request(path, streamed=True), stream[:at], stream[at:], streamed=True)
        assert (client.ending, b"sdz" in client.sent) == ("aborted", False)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_what_is_compressed_is_looked_at_too(stage: GovernedExchanges, *, streamed: bool) -> None:
    path, body = TOLD["in capitals"]
    told = b"data: %b\n\ndata: [DONE]\n\n" % body("delta") if streamed else body("message")
    packed = gzip.compress(told)
    packing: Headers = ((b"content-encoding", b"gzip"),)
    for pieces in ([packed], cut(packed, None)):
        asked = request(path, streamed=streamed)
        client = stage.asked(path.encode(), asked, *pieces, streamed=streamed, headers=packing)
        assert stage.blocked == ["TOOL_CALLS"]
        assert b"sdz" not in client.sent
        assert packed not in client.sent


def test_who_only_writes_of_calls_is_not_taken_for_a_caller(stage: GovernedExchanges) -> None:
    text = 'Write "TOOL_CALLS": [{"Function": {"Name": "rm"}}], or "tool_calls" twice: "tool_calls".'
    for holder, streamed in (("message", False), ("delta", True)):
        told = json.dumps({"choices": [{"index": 0, holder: {"content": text}}]}).encode()
        sent = b"data: %b\n\ndata: [DONE]\n\n" % told if streamed else told
        client = stage.asked(CHAT.encode(), request(CHAT, streamed=streamed), sent, streamed=streamed)
        assert client.sent == sent
