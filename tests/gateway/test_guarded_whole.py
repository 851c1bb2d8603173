"""A reply that its reader would take for other letters than are read here is not judged by what it seems to say."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders.fake_client import FakeClient
from tests.builders.fake_transport import FakeReply, FakeTransport
from tests.builders.hosting import Allows, Hosts
from tests.builders.pipelines import Passages
from tests.builders.turns import SHAPES, Shape, Turn, reply_of, request_of, stream_of

TARGETS = {"chat": b"/v1/chat/completions", "functions": b"/v1/chat/completions", "responses": b"/v1/responses"}
CALLS_RM = Turn("", (("rm", "{}"),))
CALM = Turn("Hello.")
UNREAD = (
    "cp037",
    "cp500",
    "utf-16",
    "utf-32",
    "UTF-7",
    "iso-8859-1",
    '"cp037"',
    "utf-8; charset=cp037",
    "cp037; charset=utf-8",
    '"utf-8;charset=cp037"',
    "",
)
KINDS = ("application/json", "text/event-stream", "text/plain")


async def asked(
    folder: Path, *replies: FakeReply, shape: Shape = "chat", method: bytes = b"POST", target: bytes = b"", **more: Any
) -> tuple[FakeClient, FakeTransport]:
    body = request_of(shape, streamed=more.get("streamed", False)) if method == b"POST" else None
    client = FakeClient(body, target or TARGETS[shape], method)
    transport = FakeTransport(*replies)
    passages = Passages(folder, transport, *more.get("plugins", (Allows("look"),)))
    await passages.carry(client)
    passages.close()
    return client, transport


def in_letters(kind: str, charset: str, data: bytes = b"") -> FakeReply:
    told = f"{kind}; charset={charset}".encode()
    name = charset.strip('"').partition(";")[0].strip() or "utf-8"
    return FakeReply(data.decode().encode(name), headers=((b"Content-Type", told),))


def body_of(kind: str, turn: Turn, shape: Shape = "chat") -> bytes:
    return stream_of(shape, turn, 0) if "stream" in kind else json.dumps(reply_of(shape, turn, 0)).encode()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("charset", UNREAD)
async def test_a_judged_reply_in_another_charset_is_refused(
    tmp_path: Path, shape: Shape, kind: str, charset: str
) -> None:
    reply = in_letters(kind, charset, body_of(kind, CALLS_RM, shape))
    client, _ = await asked(tmp_path, reply, shape=shape)
    assert (client.status, json.loads(client.sent)["error"]["code"]) == (502, "unreadable_reply")
    assert reply.closed


async def test_a_charset_that_is_written_as_no_reader_of_ours_does_is_another(tmp_path: Path) -> None:
    headers = ((b"Content-Type", b"application/json; charset*=utf-8''cp037"),)
    client, _ = await asked(tmp_path, FakeReply(body_of("json", CALLS_RM).decode().encode("cp037"), headers=headers))
    assert client.status == 502


@pytest.mark.parametrize("target", [b"/v1/responses/resp_1", b"/v1/chat/completions", b"/v1/conversations/c/items"])
async def test_what_is_read_again_in_another_charset_is_refused(tmp_path: Path, target: bytes) -> None:
    client, _ = await asked(tmp_path, in_letters("application/json", "cp037", b"{}"), method=b"GET", target=target)
    assert client.status == 502


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8", "us-ascii", "utf-8 ; boundary=x"])
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_a_reply_in_the_charset_that_is_read_here_goes_out_as_it_came(
    tmp_path: Path, kind: str, charset: str
) -> None:
    body = body_of(kind, CALM)
    client, _ = await asked(
        tmp_path, FakeReply(body, headers=((b"Content-Type", f"{kind}; charset={charset}".encode()),))
    )
    assert (client.status, client.sent) == (200, body)


@pytest.mark.parametrize(
    ("target", "status"), [(b"/v1/audio/speech", 200), (b"/v1/files/f/content", 200), (b"/v1/chat/completions", 404)]
)
async def test_a_reply_that_nobody_judges_may_be_in_any_charset(tmp_path: Path, target: bytes, status: int) -> None:
    headers = ((b"Content-Type", b"text/plain; charset=cp037"),)
    method = b"GET" if b"files" in target else b"POST"
    client, _ = await asked(tmp_path, FakeReply(b"\x81", status=status, headers=headers), method=method, target=target)
    assert (client.status, client.sent) == (status, b"\x81")


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_a_later_step_in_another_charset_is_refused(tmp_path: Path, kind: str) -> None:
    streamed = "stream" in kind
    first = FakeReply(body_of(kind, Turn("", (("look", "{}"),))), headers=((b"Content-Type", kind.encode()),))
    second = in_letters(kind, "cp037", body_of(kind, CALLS_RM))
    plugins = (Hosts(["look"]), Allows("look"))
    client, transport = await asked(tmp_path, first, second, streamed=streamed, plugins=plugins)
    assert len(transport.requests) == 2
    assert b"unreadable_reply" in client.sent
    assert b"rm".decode().encode("cp037") not in client.sent
    assert client.status == (200 if streamed else 502)
