"""What calls itself a stream is read as one: what some readers find in it beside its events does not go out."""

import json
from pathlib import Path

import pytest

from tests.builders.fake_client import FakeClient
from tests.builders.fake_transport import EVENTS, FakeReply, FakeTransport
from tests.builders.hosting import Allows, Hosts
from tests.builders.pipelines import Passages
from tests.builders.runs import a_run
from tests.builders.turns import SHAPES, Shape, Turn, reply_of, request_of, stream_of

TARGETS = {"chat": b"/v1/chat/completions", "functions": b"/v1/chat/completions", "responses": b"/v1/responses"}
CALLS_RM = Turn("Let me see.", (("rm", "{}"),))
CALLS_LOOK = Turn("", (("look", "{}"),))
UNREADABLE = b'"code":"unreadable_reply"'
MARK = b"\xef\xbb\xbf"
RUN = a_run([{"id": "c", "type": "function", "function": {"name": "rm", "arguments": "{}"}}], ["rm"])


def streamed(*pieces: bytes) -> FakeReply:
    return FakeReply(*pieces, headers=(*EVENTS, (b"Transfer-Encoding", b"chunked")))


async def asked(
    folder: Path,
    *replies: FakeReply,
    shape: Shape = "chat",
    target: bytes = b"",
    method: bytes = b"POST",
    plugins: tuple[object, ...] = (Allows("look"),),
) -> FakeClient:
    body = request_of(shape, streamed=True) if method == b"POST" else None
    client = FakeClient(body, target or TARGETS[shape], method)
    passages = Passages(folder, FakeTransport(*replies), *plugins)
    await passages.carry(client)
    passages.close()
    return client


def lax(stream: bytes, way: str) -> bytes:
    """The same stream as only some readers take it."""
    if way == "mark":
        before, between, after = stream.partition(b"\n\n")
        return before + between + after.replace(b"data: ", MARK + b"data: ")
    if way == "comment":
        return stream.replace(b"data: {", ": …\u2028data: {".encode())
    ways = {"space": b" data: {", "capitals": b"DATA: {", "tab": b"\tdata: {", "field": b"data : {", "lines": b"{"}
    return stream.replace(b"data: {", ways[way])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("way", ["space", "capitals", "tab", "field", "lines", "mark", "comment"])
@pytest.mark.parametrize("size", [1 << 20, 7], ids=["at once", "in pieces"])
async def test_lines_that_are_no_events_and_tell_of_a_call_do_not_go_out(
    tmp_path: Path, shape: Shape, way: str, size: int
) -> None:
    stream = lax(stream_of(shape, CALLS_RM, 0), way)
    client = await asked(
        tmp_path, streamed(*(stream[at : at + size] for at in range(0, len(stream), size))), shape=shape
    )
    assert UNREADABLE in client.sent
    assert b'"rm"' not in client.sent
    assert client.ending == "aborted"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
async def test_a_whole_reply_that_calls_itself_a_stream_does_not_go_out(
    tmp_path: Path, shape: Shape, end: bytes
) -> None:
    for body in (json.dumps(reply_of(shape, CALLS_RM, 0)), json.dumps(reply_of(shape, CALLS_RM, 0), indent=1)):
        client = await asked(tmp_path, streamed(body.encode() + end), shape=shape)
        assert UNREADABLE in client.sent
        assert b'"rm"' not in client.sent


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (b"/v1/responses/resp_1", reply_of("responses", CALLS_RM, 0)),
        (b"/v1/responses/resp_1?stream=true&starting_after=2", reply_of("responses", CALLS_RM, 0)),
        (b"/v1/chat/completions/c", reply_of("chat", CALLS_RM, 0)),
        (b"/v1/chat/completions", {"object": "list", "data": [reply_of("chat", CALLS_RM, 0)]}),
        (b"/v1/threads/t/runs/r", RUN),
        (b"/v1/threads/t/runs", {"object": "list", "data": [RUN]}),
    ],
)
async def test_nor_does_one_that_is_read_again(tmp_path: Path, target: bytes, told: object) -> None:
    client = await asked(tmp_path, streamed(json.dumps(told).encode()), target=target, method=b"GET")
    assert UNREADABLE in client.sent
    assert b'"rm"' not in client.sent


async def test_before_anything_has_gone_out_it_is_answered_as_a_bad_gateway(tmp_path: Path) -> None:
    plugins = (Hosts(["look"]), Allows("look"))
    body = json.dumps(reply_of("chat", CALLS_RM, 0)).encode()
    client = await asked(tmp_path, streamed(body), plugins=plugins)
    assert (client.status, json.loads(client.sent)["error"]["code"]) == (502, "unreadable_reply")


@pytest.mark.parametrize("shape", ["chat", "responses"])
async def test_nor_does_that_of_a_later_step(tmp_path: Path, shape: Shape) -> None:
    first, body = stream_of(shape, CALLS_LOOK, 0), json.dumps(reply_of(shape, CALLS_RM, 1)).encode()
    client = await asked(
        tmp_path, streamed(first), streamed(body), shape=shape, plugins=(Hosts(["look"]), Allows("look"))
    )
    assert UNREADABLE in client.sent
    assert b'"rm"' not in client.sent


@pytest.mark.parametrize("shape", SHAPES)
async def test_comments_ids_and_a_mark_at_the_beginning_are_of_the_standard(tmp_path: Path, shape: Shape) -> None:
    stream = MARK + b": tool_calls\n\n" + stream_of(shape, CALLS_LOOK, 0).replace(b"data: ", b"id: 1\nretry: 9\ndata:")
    client = await asked(tmp_path, streamed(stream), shape=shape)
    assert (client.sent, client.ending) == (stream, "finished")


async def test_lines_that_are_no_events_and_tell_of_no_call_go_out(tmp_path: Path) -> None:
    stream = lax(stream_of("chat", Turn("Let me see."), 0), "space")
    assert (await asked(tmp_path, streamed(stream))).sent == stream
