"""What plugins ask the upstream themselves goes with the operator's key, takes bounded time, and is no exchange."""

import asyncio

import msgspec
import pytest

from gateway.own_questions import MOST_BYTES, AskError, OwnQuestions, nobody_to_ask
from gateway.transport import ConnectError, UpstreamBroken
from gateway.upstream import Upstream
from tests.builders.fake_transport import FakeReply, FakeTransport


def questions(transport: FakeTransport, api_key: str | None = "sk-operator", seconds: float = 5.0) -> OwnQuestions:
    return OwnQuestions(Upstream("default", "http://upstream.test/prefix/v1", api_key, transport), seconds)


async def test_a_question_goes_to_the_upstream_with_the_operators_key() -> None:
    transport = FakeTransport(FakeReply(b'{"results":[1]}', status=201))
    assert await questions(transport).ask("/moderations", {"input": "Hi"}) == (201, {"results": [1]})
    (request,) = transport.requests
    assert (request.method, request.target) == (b"POST", b"/prefix/v1/moderations")
    assert msgspec.json.decode(transport.bodies[0]) == {"input": "Hi"}
    assert dict(request.headers) == {
        b"Host": b"upstream.test",
        b"Authorization": b"Bearer sk-operator",
        b"Content-Type": b"application/json",
        b"Accept-Encoding": b"identity",
    }


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (ConnectError(), "could not be asked"),
        (FakeReply(b"{", UpstreamBroken()), "could not be asked"),
        (FakeReply(b"<html>"), "no JSON"),
        (FakeReply(b" " * (MOST_BYTES + 1)), "could not be asked"),
    ],
    ids=["no connection", "broken off", "no JSON", "too long"],
)
async def test_what_cannot_be_asked_or_read_is_said(answer: FakeReply | ConnectError, says: str) -> None:
    with pytest.raises(AskError, match=says):
        await questions(FakeTransport(answer)).ask("/moderations", {})
    if isinstance(answer, FakeReply):
        assert answer.closed


async def test_half_a_character_of_a_prompt_keeps_no_question_from_being_asked() -> None:
    transport = FakeTransport(FakeReply(b"{}"))
    await questions(transport).ask("/moderations", {"input": ["kill\ud800"]})
    assert msgspec.json.decode(transport.bodies[0]) == {"input": ["kill?"]}


async def test_a_question_has_an_end() -> None:
    with pytest.raises(AskError, match=r"within 0\.05 s"):
        await questions(FakeTransport(asyncio.Event()), seconds=0.05).ask("/moderations", {})


async def test_without_a_key_of_its_own_the_gateway_asks_nothing() -> None:
    transport = FakeTransport()
    with pytest.raises(AskError, match="no upstream key"):
        await questions(transport, api_key=None).ask("/moderations", {})
    assert transport.requests == []


async def test_where_nothing_may_be_sent_nobody_is_asked() -> None:
    with pytest.raises(AskError, match="nothing is sent"):
        await nobody_to_ask("/moderations", {})
