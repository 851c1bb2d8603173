"""Tests of the reading and writing of server-sent events."""

import json
from collections.abc import Iterator

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openai import APIError, OpenAI, Stream
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent

from gateway.formats import chat, completions, responses
from gateway.sse import Event, EventReader, StreamError, error_event, is_odd, parsed, reply_of, with_data

LINES = (
    b"data: {}",
    b"data:x",
    b"data:  two",
    b"data",
    b"event: a.b",
    b"event:",
    b"id: 7",
    b"retry: 10",
    b": comment",
    b"unknown: field",
    "data: Grüße 🙂".encode(),
    b"",
)
ENDS = st.sampled_from(((b"\n",), (b"\r\n",), (b"\r",), (b"\n", b"\r\n", b"\r")))
STREAM = st.builds(
    lambda bom, lines: bom + b"".join(line + end for line, end in lines),
    st.sampled_from((b"", b"\xef\xbb\xbf")),
    ENDS.flatmap(lambda ends: st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(ends)))),
)
ORDINARY = st.lists(st.sampled_from((b"data: {}\n\n", b": hi\n\n", b"event: x\ndata: 1\n\n", b"\n", b"\ndata: a"))).map(
    b"".join
)


def read(pieces: list[bytes]) -> tuple[list[Event], bytes]:
    reader = EventReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events, reader.rest()


def contents(events: list[Event]) -> list[tuple[bytes | None, bytes | None]]:
    return [(event.data, event.event) for event in events]


@given(STREAM | ORDINARY, st.data())
@example(b"data: a\r\n\r\ndata: b\r\n\r\n", None)
@example(b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", None)
def test_every_split_of_a_stream_gives_the_same_events_and_every_byte(
    stream: bytes, data: st.DataObject | None
) -> None:
    whole, rest = read([stream])
    assert b"".join(event.raw for event in whole) + rest == stream
    cuts = [1] * len(stream) if data is None else data.draw(st.lists(st.integers(1, 9), max_size=60))
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(stream[at : at + cut])
        at += cut
    for split in ([*pieces, stream[at:]], [stream[i : i + 1] for i in range(len(stream))]):
        events, left = read(split)
        assert contents(events) == contents(whole)
        assert b"".join(event.raw for event in events) + left == stream


@given(STREAM)
def test_the_events_with_data_are_those_that_the_sdk_reads(stream: bytes) -> None:
    if stream.startswith(b"\xef\xbb\xbf"):
        return  # The SDK does not know the byte order mark that the specification allows.
    client = OpenAI(api_key="none")
    theirs = [sse.data for sse in client._make_sse_decoder().iter_bytes(iter([stream])) if sse.data]
    ours = [event.data.decode() for event in read([stream])[0] if event.data]
    assert ours == theirs


def test_an_event_has_its_name_and_its_joined_data_lines() -> None:
    (event,) = EventReader().feed(b"event: delta\ndata: {\ndata: }\nid: 1\n\n")
    assert (event.event, event.data) == (b"delta", b"{\n}")
    assert contents(EventReader().feed(b"data: {}\nid: 1\n\n")) == [(b"{}", None)]


def test_a_comment_is_an_event_without_data() -> None:
    assert contents(EventReader().feed(b": keep-alive\n\n")) == [(None, None)]


def test_a_byte_order_mark_at_the_start_hides_nothing() -> None:
    stream = b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n"
    assert contents(EventReader().feed(stream)) == [(b"a", None), (None, None)]


@pytest.mark.parametrize("stream", [b"\n\ndata: a\n\n", b"data: a\n\n\n\n\n", b"\r\n\r\ndata: a\r\r"])
def test_blank_lines_are_no_events(stream: bytes) -> None:
    assert contents(EventReader().feed(stream)) == [(b"a", None)]


def test_an_event_is_given_as_soon_as_its_blank_line_is_there() -> None:
    reader = EventReader()
    assert reader.feed(b"data: a\r\n") == []
    assert contents(reader.feed(b"\r")) == [(b"a", None)]
    assert contents(reader.feed(b"\ndata: b\r\n\r\n")) == [(b"b", None)]


def test_an_event_that_never_ends_is_an_error_at_the_limit() -> None:
    reader = EventReader(max_event_bytes=100)
    reader.feed(b"data: 1\n\n" + b"x" * 100)
    with pytest.raises(StreamError, match="longer than 100 bytes"):
        reader.feed(b"x")


def test_finished_events_do_not_count_for_the_limit() -> None:
    reader = EventReader(max_event_bytes=20)
    assert sum(len(reader.feed(b"data: 123456\n\n")) for _ in range(100)) == 100


@pytest.mark.parametrize(
    ("raw", "changed"),
    [
        (b"data: {}\n\n", b"data: new\n\n"),
        (b"id: 1\r\nevent: x\r\ndata: {\r\ndata: }\r\n: c\r\n\r\n", b"id: 1\r\nevent: x\r\ndata: new\r\n: c\r\n\r\n"),
        (b"\ndata:{}\r\r", b"\ndata: new\r\r"),
        (b"data: unfinished", b"data: new\n"),
    ],
)
def test_an_event_with_other_data_keeps_its_other_lines(raw: bytes, changed: bytes) -> None:
    assert with_data(parsed(raw), b"new") == changed


@given(STREAM)
def test_an_event_with_its_own_data_says_the_same(stream: bytes) -> None:
    for event in read([stream])[0]:
        if event.data is not None:
            again = parsed(with_data(event, event.data), first=True)
            assert (again.data, again.event) == (event.data, event.event)


def sdk_stream(body: bytes, kind: object) -> Iterator[object]:
    client = OpenAI(api_key="none")
    response = httpx2.Response(200, content=body, request=httpx2.Request("POST", "http://gateway/v1"))
    return iter(Stream(cast_to=kind, response=response, client=client))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("format", "kind"),
    [(chat, ChatCompletionChunk), (completions, ChatCompletionChunk), (responses, ResponseStreamEvent)],
)
def test_the_sdk_raises_the_error_with_which_a_stream_ends(format: object, kind: object) -> None:
    error = {"message": "It ends here.", "type": "server_error", "param": None, "code": "upstream_broke"}
    body = error_event(error, format, 12)  # type: ignore[arg-type]
    with pytest.raises(APIError, match="It ends here") as raised:
        list(sdk_stream(body, kind))
    assert raised.value.code == "upstream_broke"


def test_a_response_ends_with_the_error_event_of_its_api() -> None:
    error = {"message": "No.", "type": "server_error", "param": None, "code": "c"}
    (event,) = EventReader().feed(error_event(error, responses, 3))
    told = json.loads(event.data or b"")
    assert event.event == b"error"
    assert (told["type"], told["message"], told["code"], told["sequence_number"]) == ("error", "No.", "c", 3)


def test_a_streamed_body_reads_as_its_whole_reply_even_when_it_is_cut() -> None:
    first, last = (b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}' % text for text in (b"a", b"b"))
    body = first + b"\n\n" + last
    assert reply_of(body, chat)["choices"][0]["message"]["content"] == "ab"


CALL = b'{"choices":[{"delta":{"tool_calls":[]}}]}'
ODD = (
    b" data: %b\n\n",
    b"DATA: %b\n\n",
    b"data : %b\n\n",
    b"%b\n\n",
    b"data: {}\n\xef\xbb\xbfdata: %b\n\n",
    b": \xe2\x80\xa8data: %b\n\n",
    b"id: \x0bdata: %b\n\n",
    b"event: x\xc2\x85data: %b\n\n",
    b'data: {"metadata":\ndata: %b\ndata: }\n\n',
)
PLAIN = (
    b"data: %b\n\n",
    b"data:%b\r\n\r\n",
    b"data: %b\r\r",
    b": a comment\n\n",
    b":data: %b\n\n",
    b"id: 1\nretry: 3\nevent: x\ndata: %b\n\n",
    b"data: {\ndata: \ndata: }\n\n",
    b"data\n\n",
)


@pytest.mark.parametrize("raw", ODD)
def test_an_event_that_some_readers_take_for_more_is_odd(raw: bytes) -> None:
    assert all(is_odd(event) for event in EventReader().feed(raw.replace(b"%b", CALL)))


@pytest.mark.parametrize("raw", PLAIN)
def test_an_event_as_the_standard_writes_it_is_not(raw: bytes) -> None:
    assert not any(is_odd(event) for event in EventReader().feed(raw.replace(b"%b", CALL)))


def test_a_byte_order_mark_is_odd_but_at_the_beginning() -> None:
    first, second = EventReader().feed(b"\xef\xbb\xbfdata: {}\n\n\xef\xbb\xbfdata: {}\n\n")
    assert (is_odd(first), is_odd(second)) == (False, True)
