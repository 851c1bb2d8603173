"""What a reply that nobody asked for has from the request before it is remembered, and not without end."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.exchange import Exchange
from gateway.websocket.errand import Errand, Handshake
from gateway.websocket.settled import Settled
from gateway.websocket.under_way import MOST_BYTES, MOST_ERRANDS
from tests.builders.conversations import HEADERS, Conversing, a_function, response_create

TOOLS = [a_function("lookup")]


@pytest.fixture
def handshake(tmp_path: Path) -> Handshake:
    conversing = Conversing(tmp_path, "responses")
    exchange: Exchange = conversing.exchange
    given = Handshake(conversing.passages.pipeline, exchange, conversing.target, HEADERS)
    conversing.close()
    return given


def asked(handshake: Handshake, size: int = 0, **members: Any) -> Errand:
    request = response_create("lookup", **members)
    return Errand(handshake, msgspec.json.encode(request).ljust(size), request)


def test_a_reply_has_the_model_the_tools_and_what_carries_tools_of_the_request_before(handshake: Handshake) -> None:
    settled = Settled()
    carrier = {"type": "additional_tools", "tools": TOOLS}
    settled.note("a", asked(handshake, input=[carrier, {"role": "user", "content": "Hello"}]))
    assert settled.of("a") == {"model": "gpt-4o-mini", "tools": TOOLS, "input": [carrier]}
    assert settled.of("b") == {}


def test_so_has_the_reply_behind_it(handshake: Handshake) -> None:
    settled = Settled()
    settled.note("", asked(handshake))
    settled.note("", Errand(handshake, None, settled.of("")))
    assert settled.of("")["tools"] == TOOLS


def test_streams_without_end_are_not_remembered_without_end(handshake: Handshake) -> None:
    settled = Settled()
    for at in range(MOST_ERRANDS + 1):
        settled.note(str(at), asked(handshake))
    assert (settled.of("0"), settled.of("1")["tools"]) == ({}, TOOLS)


def test_the_stream_that_was_asked_in_longest_ago_is_forgotten_first(handshake: Handshake) -> None:
    settled = Settled()
    for at in (*range(MOST_ERRANDS), 0, MOST_ERRANDS):
        settled.note(str(at), asked(handshake))
    assert (settled.of("0")["tools"], settled.of("1")) == (TOOLS, {})


def test_long_requests_are_remembered_as_far_as_there_is_room_and_the_last_one_always(handshake: Handshake) -> None:
    settled = Settled()
    for stream in "abc":
        settled.note(stream, asked(handshake, MOST_BYTES // 2))
    assert [settled.of(stream) == {} for stream in "abc"] == [True, False, False]
    settled.note("d", asked(handshake, MOST_BYTES * 2))
    assert [settled.of(stream) == {} for stream in "abcd"] == [True, True, True, False]
    settled.note("d", Errand(handshake, None, settled.of("d")))
    settled.note("e", asked(handshake))
    assert settled.of("d") == {}
