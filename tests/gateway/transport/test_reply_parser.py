from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transport import ReplyTooLarge, TransportError, UpstreamBroken, UpstreamInvalid
from gateway.transport.reply_parser import ReplyParser
from tests.builders.scripted_upstream import chunk, chunked_head, reply

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def parser(method: bytes = b"POST", max_header_bytes: int = 65536, max_reply_bytes: int = 1 << 20) -> ReplyParser:
    return ReplyParser(method, max_header_bytes, max_reply_bytes)


def fed(*pieces: bytes, method: bytes = b"POST") -> tuple[ReplyParser, bytes]:
    reading = parser(method)
    return reading, b"".join(reading.feed(piece) for piece in pieces)


def each_byte(data: bytes) -> list[bytes]:
    return [data[position : position + 1] for position in range(len(data))]


def test_gives_status_reason_and_headers_as_they_were_spelled() -> None:
    reading, body = fed(b"HTTP/1.1 429 Slow Down\r\nX-Odd:  a b\r\nx-odd: c\r\nContent-LENGTH: 2\r\n\r\nhi")
    assert (reading.status, reading.reason) == (429, b"Slow Down")
    assert reading.headers == ((b"X-Odd", b"a b"), (b"x-odd", b"c"), (b"Content-LENGTH", b"2"))
    assert body == b"hi"
    assert reading.complete and reading.keep_alive and not reading.followed


def test_a_reason_may_be_missing() -> None:
    reading, _ = fed(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n")
    assert (reading.status, reading.reason, reading.complete) == (200, b"", True)


REPLIES = [
    b"HTTP/1.1 103 Early Hints\r\nLink: a long one\r\n\r\nHTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    reply(b"a body of some length", b"X-A: b"),
    reply(b""),
    chunked_head() + chunk(b"one") + chunk(b"two and more") + chunk(b""),
    chunked_head() + b"3;name=value\r\none\r\n0\r\nX-Trailer: dropped\r\nX-Other: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + reply(b"after those"),
    b"HTTP/1.1 100 Continue\r\n\r\n" + chunked_head() + chunk(b"chunked") + chunk(b""),
]


@pytest.mark.parametrize("data", REPLIES)
@given(cuts=st.lists(st.integers(0, 200), max_size=8))
def test_reads_the_same_however_the_bytes_are_cut(data: bytes, cuts: list[int]) -> None:
    whole, body = fed(data)
    ends = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    for pieces in ([data[a:b] for a, b in pairwise(ends)], each_byte(data)):
        split, split_body = fed(*pieces)
        assert split_body == body
        assert (split.status, split.reason, split.headers) == (whole.status, whole.reason, whole.headers)
        assert split.complete and split.keep_alive and not split.followed


@pytest.mark.parametrize("data", REPLIES)
def test_reads_the_same_wherever_the_bytes_are_cut_once(data: bytes) -> None:
    whole, body = fed(data)
    for cut in range(len(data)):
        split, split_body = fed(data[:cut], data[cut:])
        assert (split.complete, split.followed, split.headers) == (True, False, whole.headers)
        assert split_body == body


AFTER = [b"\r", b"\n", b"\r\n", b"0\r\n\r\n", b"H", OK, b"\0", b"x", reply(b"more"), b"HTTP/1.1 200\r\n\r\n"]


@given(body=st.binary(max_size=300), after=st.sampled_from([*AFTER, chunked_head() + chunk(b"more") + chunk(b"")]))
def test_notices_whatever_follows_a_complete_reply(body: bytes, after: bytes) -> None:
    for data in (reply(body), chunked_head() + (chunk(body) if body else b"") + chunk(b"")):
        alone, whole = fed(data)
        assert alone.complete and not alone.followed
        followed, same = fed(data + after)
        assert followed.complete and followed.followed
        assert whole == same == body


def test_a_second_reply_leaves_no_trace_in_the_first() -> None:
    first = chunked_head(b"X-Which: first") + chunk(b"first") + chunk(b"")
    reading, body = fed(first + b"HTTP/1.1 500 Second\r\nX-Which: second\r\nContent-Length: 6\r\n\r\nsecond")
    assert (reading.status, reading.reason, body) == (200, b"OK", b"first")
    assert dict(reading.headers)[b"X-Which"] == b"first"
    assert reading.followed


@pytest.mark.parametrize(
    ("method", "status"), [(b"HEAD", b"200 OK"), (b"GET", b"204 No Content"), (b"GET", b"304 Same")]
)
def test_some_replies_have_no_body_whatever_their_headers_say(method: bytes, status: bytes) -> None:
    for framing in (b"Content-Length: 500", b"Transfer-Encoding: chunked", b"X-None: 0"):
        head = b"HTTP/1.1 " + status + b"\r\n" + framing + b"\r\n\r\n"
        reading, body = fed(head, method=method)
        assert (reading.complete, reading.followed, body) == (True, False, b"")
        after, body = fed(head + b"left", method=method)
        assert (after.complete, after.followed, body) == (True, True, b"")


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    reading, body = fed(OK + b"X-A: b\r\n\r\nso", b" far")
    assert body == b"so far"
    assert not reading.complete and not reading.keep_alive
    reading.feed_eof()
    assert reading.complete


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        reply(b"all of it")[:-1],
        chunked_head() + chunk(b"one"),
        chunked_head() + chunk(b"one") + b"0\r\n\r",
        chunked_head() + b"5\r\nhel",
    ],
)
def test_a_connection_that_ends_early_is_no_good_end(data: bytes) -> None:
    reading, _ = fed(data)
    with pytest.raises(UpstreamBroken):
        reading.feed_eof()
    assert not reading.complete


@pytest.mark.parametrize(
    ("data", "keep_alive"),
    [
        (OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n", False),
        (OK + b"Connection: foo, Close\r\nContent-Length: 0\r\n\r\n", False),
        (OK + b"Connection: close\r\n" + CHUNKED + chunk(b""), False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", True),
        (OK + b"Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n", True),
    ],
)
def test_knows_whether_the_upstream_keeps_the_connection(data: bytes, keep_alive: bool) -> None:
    reading, _ = fed(data)
    assert reading.complete
    assert reading.keep_alive is keep_alive


INVALID_HEADS = {
    "both lengths": OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "both lengths, the other way round": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    "two lengths that differ": OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
    "two lengths that agree": OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\n",
    "a list of lengths": OK + b"Content-Length: 3, 3\r\n\r\n",
    "a signed length": OK + b"Content-Length: +3\r\n\r\n",
    "a negative length": OK + b"Content-Length: -3\r\n\r\n",
    "a hexadecimal length": OK + b"Content-Length: 0x3\r\n\r\n",
    "an empty length": OK + b"Content-Length: \r\n\r\n",
    "a length with an underscore": OK + b"Content-Length: 1_0\r\n\r\n",
    "a length beyond 64 bits": OK + b"Content-Length: 99999999999999999999\r\n\r\n",
    "gzip as transfer-encoding": OK + b"Transfer-Encoding: gzip\r\n\r\n",
    "gzip, chunked": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "chunked, gzip": OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "chunked twice": OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n",
    "chunked in two headers": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "identity": OK + b"Transfer-Encoding: identity\r\n\r\n",
    "almost chunked": OK + b"Transfer-Encoding: xchunked\r\n\r\n",
    "chunked with a parameter": OK + b"Transfer-Encoding: chunked;q=1\r\n\r\n",
    "chunked with a vertical tab": OK + b"Transfer-Encoding: \x0bchunked\r\n\r\n",
    "an empty transfer-encoding": OK + b"Transfer-Encoding: \r\n\r\n",
    "chunked over HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a folded header": OK + b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a folded length": OK + b"Content-Length:\r\n 3\r\n\r\n",
    "a space before the colon": OK + b"Content-Length : 3\r\n\r\n",
    "a space before the first header": OK + b" X-A: b\r\n\r\n",
    "a header without a colon": OK + b"nonsense\r\n\r\n",
    "a header without a name": OK + b": b\r\n\r\n",
    "a name with a high byte": OK + b"X-\xe9: b\r\n\r\n",
    "a bare line feed": OK + b"X-A: b\nContent-Length: 0\r\n\r\n",
    "a bare carriage return": OK + b"X-A: b\rc\r\n\r\n",
    "a NUL in a value": OK + b"X-A: b\0c\r\n\r\n",
    "a control character in a value": OK + b"X-A: b\x01c\r\n\r\n",
    "a NUL in the reason": b"HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n",
    "a line break before the status line": b"\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "another protocol": b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "small letters": b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "status 099": b"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
    "status 600": b"HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n",
    "101": b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "101 without an upgrade": b"HTTP/1.1 101 Switching\r\n\r\n",
    "101 after 100": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching\r\n\r\n",
    "a greeting": b"220 mail.example ESMTP\r\n",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
}


@pytest.mark.parametrize("head", INVALID_HEADS.values(), ids=INVALID_HEADS)
def test_refuses_a_head_that_can_be_read_in_two_ways(head: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        fed(head)
    with pytest.raises(UpstreamInvalid):
        fed(*each_byte(head))


INVALID_CHUNKS = {
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "a word as size": b"xyz\r\nhello\r\n0\r\n\r\n",
    "a size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a signed size": b"+5\r\nhello\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "a space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "a space after the size": b"5 \r\nhello\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"fffffffffffffffff\r\nhello",
    "a bare line feed after the size": b"5\nhello\r\n0\r\n\r\n",
    "a bare line feed after the data": b"5\r\nhello\n0\r\n\r\n",
    "more data than the size": b"5\r\nhello world\r\n0\r\n\r\n",
    "less data than the size": b"5\r\nhell\r\n0\r\n\r\n",
    "a line feed in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "a length among the trailers": b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
    "a trailer without a colon": b"5\r\nhello\r\n0\r\nnonsense\r\n\r\n",
    "a folded trailer": b"5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n",
}


@pytest.mark.parametrize("chunks", INVALID_CHUNKS.values(), ids=INVALID_CHUNKS)
def test_refuses_chunks_that_can_be_read_in_two_ways(chunks: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        fed(OK + CHUNKED + chunks)
    with pytest.raises(UpstreamInvalid):
        fed(OK + CHUNKED, *each_byte(chunks))


def test_a_head_may_be_as_large_as_its_limit_and_no_larger() -> None:
    head = OK + b"X-Long: " + b"x" * 100 + b"\r\nContent-Length: 0\r\n\r\n"
    at_the_limit = parser(max_header_bytes=len(head))
    at_the_limit.feed(head)
    assert at_the_limit.complete
    for pieces in ([head], each_byte(head), [head[:-1]]):
        above = parser(max_header_bytes=len(head) - 2)
        with pytest.raises(ReplyTooLarge):
            for piece in pieces:
                above.feed(piece)


def test_a_declared_length_over_the_limit_is_refused_before_it_comes() -> None:
    with pytest.raises(ReplyTooLarge):
        parser(max_reply_bytes=1000).feed(OK + b"Content-Length: 1001\r\n\r\n")


@pytest.mark.parametrize("head", [OK + CHUNKED, OK + b"\r\n"])
def test_a_body_of_unknown_length_is_refused_where_it_passes_the_limit(head: bytes) -> None:
    reading = parser(max_reply_bytes=len(head) + 20)
    reading.feed(head)
    reading.feed(chunk(b"x" * 8))
    with pytest.raises(ReplyTooLarge):
        reading.feed(chunk(b"x" * 8))


def test_interim_replies_without_an_end_are_refused() -> None:
    reading = parser(max_reply_bytes=1000)
    with pytest.raises(ReplyTooLarge):
        for _ in range(100):
            reading.feed(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("start", [b"5;ext=", b"5\r\nhello\r\n0\r\nX-Trailer: "])
def test_extensions_and_trailers_without_an_end_are_refused(start: bytes) -> None:
    reading = parser(max_header_bytes=1000)
    reading.feed(OK + CHUNKED + start)
    with pytest.raises(ReplyTooLarge):
        for _ in range(20):
            reading.feed(b"x" * 100)


def test_chunk_sizes_that_come_alone_do_not_add_up_to_a_large_head() -> None:
    reading = parser(max_header_bytes=100)
    reading.feed(OK + CHUNKED)
    for _ in range(200):
        assert reading.feed(b"1\r\n") + reading.feed(b"x") + reading.feed(b"\r\n") == b"x"


@given(st.binary(max_size=400))
def test_no_bytes_at_all_bring_anything_but_a_transport_error(data: bytes) -> None:
    for start in (b"", OK, OK + CHUNKED):
        reading = parser(max_reply_bytes=300)
        try:
            reading.feed(start)
            for piece in each_byte(data):
                reading.feed(piece)
                if reading.complete:
                    break
            else:
                reading.feed_eof()
        except TransportError:
            continue
        assert reading.complete
