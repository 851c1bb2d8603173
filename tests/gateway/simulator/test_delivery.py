"""The pace of replies, and clients that leave."""

import time

import httpx
import pytest

from gateway.simulator import create_app
from tests.builders.servers import run_server

KEY = {"authorization": "Bearer k"}


def chat(text, stream=True):
    return {"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}


@pytest.fixture
def counted():
    """A simulator whose counts begin at zero."""
    with run_server(create_app()) as url, httpx.Client(base_url=url, headers=KEY) as http:
        yield http


def settled(http, expected):
    """The counts, as soon as they are as expected, at most two seconds later."""
    deadline = time.monotonic() + 2
    while (stats := http.get("/_stats").json()) != expected and time.monotonic() < deadline:
        time.sleep(0.02)
    return stats


@pytest.mark.parametrize("stream", [True, False])
def test_a_delay_comes_before_the_first_byte(http, stream):
    start = time.monotonic()
    with http.stream("POST", "/v1/chat/completions", json=chat("!delay 150\n!say x", stream)) as reply:
        assert time.monotonic() - start >= 0.15
        reply.read()


def test_chunks_come_one_by_one_at_their_pace(http):
    start = time.monotonic()
    reply = http.post("/v1/chat/completions", json=chat("!chunks 6 pace=20"))
    assert time.monotonic() - start >= 0.1
    assert reply.text.count('"delta":{"content"') == 6


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_before_the_first_byte_is_noticed(counted, stream):
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{counted.base_url}/v1/chat/completions", json=chat("!delay 5000", stream), headers=KEY, timeout=0.2
        )
    expected = {"requests": 1, "open": 0, "cancelled": 1}
    assert settled(counted, expected) == expected


def test_a_client_that_leaves_between_two_chunks_is_noticed(counted):
    with counted.stream("POST", "/v1/chat/completions", json=chat("!chunks 3 pace=5000")) as reply:
        # The reply closes with its iterator: it has to be held.
        received = reply.iter_bytes()
        next(received)
        assert counted.get("/_stats").json() == {"requests": 1, "open": 1, "cancelled": 0}
    expected = {"requests": 1, "open": 0, "cancelled": 1}
    assert settled(counted, expected) == expected


def test_a_client_that_leaves_a_long_stream_without_a_pace_is_noticed(counted):
    with counted.stream("POST", "/v1/chat/completions", json=chat("!long 500000")) as reply:
        next(reply.iter_bytes())
    expected = {"requests": 1, "open": 0, "cancelled": 1}
    assert settled(counted, expected) == expected


def test_a_client_that_leaves_in_the_middle_of_its_upload_is_noticed(counted):
    def body():
        yield b'{"model": "m"'
        raise RuntimeError("The client fails.")

    with pytest.raises(RuntimeError):
        counted.post("/v1/chat/completions", content=body())
    expected = {"requests": 1, "open": 0, "cancelled": 1}
    assert settled(counted, expected) == expected
    assert counted.get("/_last").json()["body"] == '{"model": "m"'
