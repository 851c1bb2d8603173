"""What can be read off a request and a reply."""

from typing import Any

import pytest

from gateway.exchange import Received, Reply, Request, first_header


def test_a_header_is_found_by_its_lower_case_name_and_the_first_counts() -> None:
    headers = ((b"X-A", b"1"), (b"x-a", b"2"), (b"X-AB", b"3"))
    assert first_header(headers, b"x-a") == b"1"
    assert first_header(headers, b"x-ab") == b"3"
    assert first_header(headers, b"x") is None
    assert Received(b"GET", b"/", headers).header(b"x-ab") == b"3"


@pytest.mark.parametrize(
    ("request_", "model"),
    [
        (Request(None, json={"model": "gpt-4o"}), "gpt-4o"),
        (Request(None, json={"model": 4}), None),
        (Request(None, json={}), None),
        (Request(None, json=["model"]), None),
        (Request(None, body=None, fields={"model": "whisper-1"}), "whisper-1"),
        (Request(None, body=None), None),
        (Request(None, json={"messages": []}, fields={"model": "whisper-1"}), "whisper-1"),
    ],
)
def test_the_model_is_what_the_body_names_or_else_the_form(request_: Request, model: str | None) -> None:
    assert request_.model == model


@pytest.mark.parametrize(
    ("json", "streamed"),
    [({"stream": True}, True), ({"stream": False}, False), ({"stream": 1}, False), ({}, False), ([], False)],
)
def test_a_stream_is_asked_for_by_true_alone(json: Any, streamed: bool) -> None:
    assert Request(None, json=json).streamed is streamed


def test_a_reply_is_read_when_it_is_first_asked_for_and_once() -> None:
    read: list[bytes] = []
    reply = Reply(200, (), b"{}", lambda body: read.append(body))
    assert read == []
    assert (reply.json, reply.json) == (None, None)
    assert read == [b"{}"]


@pytest.mark.parametrize("body", [None, b""])
def test_a_reply_without_a_body_is_not_read(body: bytes | None) -> None:
    assert Reply(204, (), body, bytes.decode).json is None


def test_the_first_of_several_headers_counts_in_whatever_letters_it_is_asked_for() -> None:
    received = Received(b"GET", b"/v1/models", ((b"X-A", b"1"), (b"x-a", b"2"), (b"B", b"")))
    assert (received.header(b"x-a"), received.header(b"b"), received.header(b"c")) == (b"1", b"", None)


def test_only_a_header_that_stands_there_once_is_the_only_one() -> None:
    received = Received(b"GET", b"/v1/models", ((b"X-A", b"1"), (b"x-a", b"1"), (b"B", b"2")))
    assert (received.only(b"x-a"), received.only(b"b"), received.only(b"c")) == (None, b"2", None)
    assert Received(b"GET", b"/", ((b"B", b"2"),)).only(b"b") == b"2"
