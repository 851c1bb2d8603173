"""One connection: what is read of it and when, what is written to it, and how it ends."""

import asyncio
import socket
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import msgspec
import pytest

from gateway.client import BodyTimeout, BodyTooLarge
from gateway.server.protocol import Front
from gateway.server.request import HIGH_WATER, ServerClient
from tests.builders.raw_client import RawReply, raw_client
from tests.builders.serving import PATIENT, SHORT, serving

OK = b"HTTP/1.1 200 OK\r\n"
NO_ROOM = msgspec.structs.replace(PATIENT, files=0)
HOST = b"Host: gateway.test\r\n"


def a_get(target: bytes = b"/", *headers: bytes, version: bytes = b"1.1", method: bytes = b"GET") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return method + b" " + target + b" HTTP/" + version + b"\r\n" + HOST + lines + b"\r\n"


def a_post(body: bytes, *headers: bytes, length: int | None = None, target: bytes = b"/") -> bytes:
    announced = b"Content-Length: %d" % (len(body) if length is None else length)
    return a_get(target, announced, *headers, method=b"POST") + body


def a_chunked_post(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return a_get(b"/", b"Transfer-Encoding: chunked", method=b"POST") + chunks + end


async def echoes(client: ServerClient) -> None:
    """Answers with the target and the body."""
    body = await client.body(1 << 20)
    client.respond(200, (), client.received.target + b" " + body)


async def answers_early(client: ServerClient) -> None:
    """Answers without having read the body."""
    client.respond(401, (), b"who are you?")


# What is read.


async def test_a_request_is_given_as_it_came() -> None:
    seen: list[ServerClient] = []

    async def looks(client: ServerClient) -> None:
        seen.append(client)
        client.respond(200, (), b"")

    request = a_get(b"/v1/a%2Fb?c[]=1", b"X-One:  1", b"x-oNe: \xff", method=b"PATCH")
    async with serving(looks) as server, raw_client(server.url) as client:
        await client.ask(request)
    (given,) = seen
    assert (given.received.method, given.received.target) == (b"PATCH", b"/v1/a%2Fb?c[]=1")
    assert given.received.headers[1:] == ((b"X-One", b"1"), (b"x-oNe", b"\xff"))
    assert (given.received.client, given.has_body, given.length) == ("127.0.0.1", False, None)


@pytest.mark.parametrize(
    ("request_", "length", "body"),
    [
        (a_post(b"abc"), 3, b"abc"),
        (a_post(b""), 0, b""),
        (a_chunked_post(b"ab", b"c"), None, b"abc"),
        (a_chunked_post(), None, b""),
        (a_chunked_post(b"abc", end=b"0\r\nX-Sum: 1\r\n\r\n"), None, b"abc"),
    ],
    ids=["a length", "a length of none", "chunks", "no chunks", "chunks and a trailer"],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_body_is_read_to_its_end_however_it_comes(
    request_: bytes, length: int | None, body: bytes, size: int
) -> None:
    seen: list[tuple[bool, int | None, bytes, tuple[tuple[bytes, bytes], ...]]] = []

    async def looks(client: ServerClient) -> None:
        seen.append((client.has_body, client.length, await client.body(100), client.received.headers))
        client.respond(200, (), b"")

    async with serving(looks) as server, raw_client(server.url) as client:
        for at in range(0, len(request_), size):
            await client.send(request_[at : at + size])
            await asyncio.sleep(0)
        await client.reply()
    ((has_body, announced, read, headers),) = seen
    assert (has_body, announced, read) == (True, length, body)
    assert b"X-Sum" not in [name for name, _ in headers]


async def test_pieces_come_as_they_are_sent() -> None:
    seen: list[bytes] = []
    first = asyncio.Event()

    async def streams(client: ServerClient) -> None:
        async for piece in client.chunks(100):
            seen.append(piece)
            first.set()
        client.respond(200, (), b"")

    async with serving(streams) as server, raw_client(server.url) as client:
        await client.send(a_post(b"abc", length=6))
        await first.wait()
        assert seen == [b"abc"]
        await client.send(b"def")
        assert (await client.reply()).status == 200
    assert seen == [b"abc", b"def"]


@pytest.mark.parametrize("read", ["body", "chunks"])
@pytest.mark.parametrize("request_", [a_post(b"x" * 11), a_chunked_post(b"x" * 6, b"x" * 5)], ids=["length", "chunks"])
async def test_a_body_above_the_limit_is_an_error(read: str, request_: bytes) -> None:
    async def reads(client: ServerClient) -> None:
        try:
            if read == "body":
                await client.body(10)
            else:
                async for _ in client.chunks(10):
                    pass
        except BodyTooLarge:
            client.respond(413, (), b"")

    async with serving(reads) as server, raw_client(server.url) as client:
        assert (await client.ask(request_)).status == 413


async def test_a_body_of_exactly_the_limit_is_read() -> None:
    async def reads(client: ServerClient) -> None:
        client.respond(200, (), await client.body(10))

    async with serving(reads) as server, raw_client(server.url) as client:
        assert (await client.ask(a_post(b"x" * 10))).body == b"x" * 10
        assert (await client.ask(a_chunked_post(b"x" * 6, b"x" * 4))).body == b"x" * 10


async def test_a_body_that_stops_coming_is_an_error() -> None:
    async def reads(client: ServerClient) -> None:
        try:
            await client.body(10)
        except BodyTimeout:
            client.respond(408, (), b"")

    async with serving(reads, SHORT) as server, raw_client(server.url) as client:
        reply = await client.ask(a_post(b"abc", length=6))
        assert (reply.status, reply.value(b"connection")) == (408, b"close")


async def test_what_nobody_reads_is_not_taken_from_the_client() -> None:
    go_on = asyncio.Event()
    sizes: list[int] = []

    async def waits(client: ServerClient) -> None:
        await go_on.wait()
        sizes.append(len(await client.body(1 << 30)))
        client.respond(200, (), b"")

    size = 64 * HIGH_WATER
    async with serving(waits) as server, raw_client(server.url) as client:
        client.writer.write(a_post(b"x" * size))
        for _ in range(50):
            await asyncio.sleep(0.002)
        (connection,) = server.connections
        assert connection.current is not None
        held = sum(map(len, connection.current._parts))
        assert HIGH_WATER < held < 8 * HIGH_WATER
        go_on.set()
        assert (await client.reply()).status == 200
    assert sizes == [size]


# 100-continue.


async def test_a_body_is_asked_for_when_it_is_read() -> None:
    async with serving(echoes) as server, raw_client(server.url) as client:
        await client.send(a_post(b"", b"Expect: 100-continue", length=3))
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await client.ask(b"abc")).body == b"/ abc"


@pytest.mark.parametrize(
    ("request_", "front"),
    [
        (a_post(b"", b"Expect: 100-continue", length=3), answers_early),
        (a_post(b"abc", b"Expect: 100-continue"), echoes),
        (a_post(b"", b"Expect: 100-continue"), echoes),
    ],
    ids=["a body that is not wanted", "a body that has come", "no body"],
)
async def test_a_body_is_not_asked_for_in_vain(request_: bytes, front: Front) -> None:
    async with serving(front) as server, raw_client(server.url) as client:
        assert (await client.ask(request_)).status in (200, 401)


async def test_a_body_is_asked_for_once() -> None:
    async with serving(echoes) as server, raw_client(server.url) as client:
        await client.send(a_post(b"", b"Expect: 100-continue", length=3))
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        for piece in (b"a", b"b"):
            await client.send(piece)
            await asyncio.sleep(0.02)
        assert (await client.ask(b"c")).body == b"/ abc"


async def test_a_client_of_http_1_0_is_not_told_to_continue() -> None:
    async with serving(echoes) as server, raw_client(server.url) as client:
        head = a_get(b"/", b"Expect: 100-continue", b"Content-Length: 3", version=b"1.0", method=b"POST")
        await client.send(head)
        await asyncio.sleep(0.02)
        assert (await client.ask(b"abc")).status == 200


# What is written.


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
async def test_what_has_no_body_gets_none(method: bytes, status: int) -> None:
    async def answers(client: ServerClient) -> None:
        client.respond(status, (), b"not to be sent")

    async with serving(answers) as server, raw_client(server.url) as client:
        for _ in range(2):
            reply = await client.ask(a_get(method=method), method)
            assert (reply.status, reply.framing, reply.body) == (status, "none", b"")


@pytest.mark.parametrize(("length", "framing"), [(6, "length"), (None, "chunked")])
async def test_a_streamed_reply_has_one_framing(length: int | None, framing: str) -> None:
    async def streams(client: ServerClient) -> None:
        client.start(202, ((b"X-A", b"1"),), length, b"As You Like")
        client.write(b"abc")
        client.write(b"def")
        client.finish()

    async with serving(streams) as server, raw_client(server.url) as client:
        for _ in range(2):
            reply = await client.ask(a_get())
            assert (reply.status, reply.reason, reply.framing, reply.body) == (202, b"As You Like", framing, b"abcdef")
            assert reply.value(b"x-a") == b"1"


async def test_each_piece_is_written_at_once() -> None:
    go_on = asyncio.Event()

    async def streams(client: ServerClient) -> None:
        client.start(200, (), None)
        client.write(b"one")
        await go_on.wait()
        client.write(b"two")
        client.finish()

    async with serving(streams) as server, raw_client(server.url) as client:
        await client.send(a_get())
        head = await client.head()
        assert await client.piece(head) == b"one"
        go_on.set()
        assert await client.piece(head) == b"two"


@pytest.mark.parametrize("length", [None, 10])
async def test_an_aborted_reply_is_seen_to_be_broken(length: int | None) -> None:
    async def breaks(client: ServerClient) -> None:
        client.start(200, (), length)
        client.write(b"half")
        client.abort()

    async with serving(breaks) as server, raw_client(server.url) as client:
        await client.send(a_get())
        head = await client.head()
        with pytest.raises(asyncio.IncompleteReadError):
            b"".join([piece async for piece in client.pieces(head)])
        await server.emptied()


async def test_a_reply_that_ends_with_its_connection_is_seen_to_be_broken_too() -> None:
    async def breaks(client: ServerClient) -> None:
        client.start(200, (), None)
        client.write(b"half")
        await asyncio.sleep(0.05)
        client.abort()

    async with serving(breaks) as server, raw_client(server.url) as client:
        await client.send(a_get(version=b"1.0"))
        head = await client.head()
        assert head.framing == "close"
        with pytest.raises(ConnectionResetError):
            b"".join([piece async for piece in client.pieces(head)])
        await server.emptied()


async def test_a_slow_reader_is_told_of_and_waited_for() -> None:
    written: list[bytes] = []
    paused = asyncio.Event()

    async def floods(client: ServerClient) -> None:
        client.start(200, (), None)
        while not client.paused:
            written.append(b"x" * 65536)
            client.write(written[-1])
        paused.set()
        await client.drained()
        written.append(b"no longer paused" if not client.paused else b"paused")
        client.write(written[-1])
        client.finish()

    async with serving(floods) as server, raw_client(server.url) as client:
        await client.send(a_get())
        await paused.wait()
        assert (await client.reply()).body == b"".join(written)
    assert written[-1] == b"no longer paused"


def deaf(url: str) -> socket.socket:
    """A client that has a small buffer and does not read."""
    parts = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((parts.hostname, parts.port))
    connection.sendall(a_get())
    return connection


@pytest.mark.parametrize("ending", ["gives up", "answers and closes", "answers and keeps"])
async def test_a_connection_to_somebody_who_never_reads_does_not_stay(ending: str) -> None:
    async def floods(client: ServerClient) -> None:
        if ending == "gives up":
            client.start(200, (), None)
            client.write(b"x" * (16 << 20))
            with pytest.raises(BodyTimeout):
                await client.drained()
            client.abort()
        else:
            client.keep_alive = ending == "answers and keeps"
            client.respond(200, (), b"x" * (16 << 20))

    async with serving(floods, SHORT, keep_alive=0) as server:
        connection = deaf(server.url)
        await asyncio.sleep(0.05)
        assert server.connections
        await server.emptied()
        connection.close()


# Connections.


async def test_a_connection_goes_on_after_a_reply() -> None:
    async with serving(echoes) as server, raw_client(server.url) as client:
        assert (await client.ask(a_post(b"1"))).body == b"/ 1"
        assert (await client.ask(a_chunked_post(b"2"))).body == b"/ 2"
        assert (await client.ask(a_get(b"/3"))).body == b"/3 "
        assert len(server.connections) == 1


@pytest.mark.parametrize(
    "request_",
    [a_get(b"/", b"Connection: close"), a_get(version=b"1.0"), a_get(b"/", b"Connection: keep-alive", version=b"1.0")],
)
async def test_a_connection_that_may_not_go_on_is_closed(request_: bytes) -> None:
    async with serving(echoes) as server, raw_client(server.url) as client:
        reply = await client.ask(request_)
        assert (reply.status, reply.value(b"connection")) == (200, b"close")
        assert await client.rest() == b""


async def test_heads_do_not_add_up_over_a_connection() -> None:
    async with serving(echoes) as server, raw_client(server.url) as client:
        for _ in range(50):
            assert (await client.ask(a_get(b"/" + b"a" * 100))).status == 200
        await client.send(a_post(b"", length=3))
        await asyncio.sleep(0.02)
        assert (await client.ask(b"abc")).body == b"/ abc"


async def test_an_idle_connection_is_closed() -> None:
    async with serving(echoes, keep_alive=0) as server, raw_client(server.url) as client:
        assert (await client.ask(a_get())).status == 200
        assert await client.rest() == b""


async def test_a_connection_that_never_asks_is_closed() -> None:
    async with serving(echoes, SHORT) as server, raw_client(server.url) as client:
        assert await client.rest() == b""


async def test_a_long_reply_is_not_cut_by_the_time_for_heads_or_idleness() -> None:
    async def slow(client: ServerClient) -> None:
        await asyncio.sleep(0.5)
        client.respond(200, (), b"late")

    async with serving(slow, SHORT, keep_alive=0) as server, raw_client(server.url) as client:
        assert (await client.ask(a_get())).body == b"late"


async def test_pipelined_requests_are_answered_in_turn_one_at_a_time() -> None:
    running, most = 0, 0

    async def slower_and_faster(client: ServerClient) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02 if client.received.target == b"/1" else 0)
        body = await client.body(100)
        running -= 1
        client.respond(200, (), client.received.target + b" " + body)

    requests = a_post(b"a", target=b"/1") + a_get(b"/2") + a_post(b"c", target=b"/3")
    async with serving(slower_and_faster) as server, raw_client(server.url) as client:
        await client.send(requests)
        assert [(await client.reply()).body for _ in range(3)] == [b"/1 a", b"/2 ", b"/3 c"]
    assert most == 1


async def test_what_is_asked_ahead_does_not_pile_up() -> None:
    answered = 0

    async def answers_some(client: ServerClient) -> None:
        nonlocal answered
        if answered == 400:
            await asyncio.Event().wait()
        answered += 1
        client.respond(200, (), b"")

    many = a_get(b"/", b"X-Long: " + b"x" * 1000) * 1000
    async with serving(answers_some) as server, raw_client(server.url) as client:
        reading = asyncio.ensure_future(client.reader.read())
        written = 0
        with pytest.raises(TimeoutError):
            while written < 64 << 20:
                written += len(many)
                async with asyncio.timeout(1):
                    await client.send(many)
        assert answered == 400
        # What the kernel holds for both sides, and little more.
        assert written - client.writer.transport.get_write_buffer_size() < 20 << 20
        reading.cancel()
        client.reset()


async def test_who_does_not_read_their_answers_is_not_answered_further() -> None:
    answered = 0

    async def answers(client: ServerClient) -> None:
        nonlocal answered
        answered += 1
        client.respond(200, (), b"x" * 65536)

    async with serving(answers) as server, raw_client(server.url) as client:
        await client.send(a_get() * 1000)
        await asyncio.sleep(0.5)
        assert 0 < answered < 500
        for _ in range(1000):
            assert (await client.reply()).status == 200
        assert (await client.ask(a_get())).status == 200


async def test_requests_behind_the_last_one_are_not_answered() -> None:
    seen: list[bytes] = []

    async def looks(client: ServerClient) -> None:
        seen.append(client.received.target)
        await asyncio.sleep(0)
        client.respond(200, (), b"")

    async with serving(looks) as server, raw_client(server.url) as client:
        await client.send(a_get(b"/1", b"Connection: close") + a_get(b"/2"))
        assert (await client.reply()).status == 200
        assert await client.rest() == b""
    assert seen == [b"/1"]


async def test_the_version_of_a_request_behind_it_does_not_change_a_reply() -> None:
    async def streams(client: ServerClient) -> None:
        await asyncio.sleep(0.01)
        client.start(200, (), None)
        client.write(client.received.target)
        client.finish()

    async with serving(streams) as server, raw_client(server.url) as client:
        await client.send(a_get(b"/1") + a_get(b"/2", version=b"1.0"))
        first, second = await client.reply(), await client.reply()
    assert [(first.framing, first.body), (second.framing, second.body)] == [("chunked", b"/1"), ("close", b"/2")]


async def test_an_early_answer_reaches_a_client_that_still_sends() -> None:
    async with serving(answers_early) as server, raw_client(server.url) as client:
        reply = await client.ask(a_post(b"x" * 1000, length=4 << 20))
        assert (reply.status, reply.value(b"connection"), reply.body) == (401, b"close", b"who are you?")
        for _ in range(40):
            await client.send(b"x" * 100_000)
        await client.send(b"x" * ((4 << 20) - 4_001_000))
        assert await client.rest() == b""
        await server.emptied()


async def test_an_early_answer_does_not_wait_for_the_rest_for_ever() -> None:
    async with serving(answers_early) as server, raw_client(server.url) as client:
        assert (await client.ask(a_post(b"x", length=100))).status == 401
        await server.emptied()


async def test_an_answer_to_a_body_that_came_whole_and_was_not_read_keeps_the_connection() -> None:
    async with serving(answers_early) as server, raw_client(server.url) as client:
        for _ in range(3):
            assert (await client.ask(a_post(b"unread"))).status == 401
        assert len(server.connections) == 1


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_client_that_leaves_cancels_its_request_alone(how: str) -> None:
    ended: list[tuple[bytes, bool, type[BaseException] | None]] = []
    begun, left, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def waits(client: ServerClient) -> None:
        begun.set()
        try:
            await go_on.wait()
        except asyncio.CancelledError as error:
            ended.append((client.received.target, client.gone, type(error)))
            left.set()
            raise
        client.respond(200, (), b"")

    async with serving(waits) as server, raw_client(server.url) as staying:
        await staying.send(a_get(b"/staying"))
        async with raw_client(server.url) as leaving:
            await begun.wait()
            begun.clear()
            await leaving.send(a_get(b"/leaving"))
            await begun.wait()
            if how == "reset":
                leaving.reset()
        await left.wait()
        go_on.set()
        assert (await staying.reply()).status == 200
    assert ended == [(b"/leaving", True, asyncio.CancelledError)]


# What is not a request.


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (a_get(b"/", b"Content-Length: 3", b"Transfer-Encoding: chunked"), 400),
        (a_get(b"/", b"Content-Length: 3", b"Content-Length: 4"), 400),
        (a_get(b"/", b"Transfer-Encoding: gzip, chunked"), 400),
        (a_get(b"/", b"X-A: " + b"a" * 2048), 431),
        (a_get(b"/" + b"a" * 1100), 414),
    ],
)
async def test_what_is_no_request_is_refused_in_the_shape_of_the_api(request_: bytes, status: int) -> None:
    async with serving(echoes) as server, raw_client(server.url) as client:
        reply = await client.ask(request_)
        assert (reply.status, reply.value(b"connection"), bool(reply.error["code"])) == (status, b"close", True)
        assert await client.rest() == b""


async def test_trailers_without_an_end_are_not_kept() -> None:
    async with serving(echoes) as server, raw_client(server.url) as client:
        await client.send(a_chunked_post(b"abc", end=b"0\r\n"))
        try:
            for _ in range(200):
                await client.send(b"X-More: " + b"x" * 500 + b"\r\n")
                await asyncio.sleep(0)
        except ConnectionError:
            pass
        assert b" 200 " not in await client.rest()


async def test_a_head_that_does_not_end_is_408() -> None:
    async with serving(echoes, SHORT) as server, raw_client(server.url) as client:
        reply = await client.ask(b"GET / HTTP/1.1\r\nHost: a\r\nX-")
        assert (reply.status, reply.error["code"]) == (408, "header_timeout")


async def test_a_second_head_that_does_not_end_is_408() -> None:
    async with serving(echoes, SHORT) as server, raw_client(server.url) as client:
        assert (await client.ask(a_get())).status == 200
        assert (await client.ask(b"GET / HTTP/1.1\r\nHost: a\r\nX-")).status == 408


async def test_a_connection_beyond_the_room_for_clients_is_told_to_come_again() -> None:
    async with serving(echoes, NO_ROOM) as server, raw_client(server.url) as client:
        reply = await client.ask(a_get(b"/v1/models"))
        assert (reply.status, reply.error["code"], reply.value(b"retry-after")) == (503, "overloaded", b"1")
        assert await client.rest() == b""


async def test_a_connection_beyond_the_room_for_clients_may_ask_for_health_once() -> None:
    async with serving(echoes, NO_ROOM) as server, raw_client(server.url) as client:
        reply = await client.ask(a_get(b"/healthz"))
        assert (reply.status, reply.body, reply.value(b"connection")) == (200, b"/healthz ", b"close")
        assert await client.rest() == b""


async def test_a_connection_within_the_room_goes_on_when_others_are_beyond_it() -> None:
    async with serving(echoes) as server, raw_client(server.url) as first:
        assert (await first.ask(a_get())).status == 200
        (connection,) = server.connections
        number = connection.transport.get_extra_info("socket").fileno()
    roomy = msgspec.structs.replace(PATIENT, files=number + 1)
    async with serving(echoes, roomy) as server, raw_client(server.url) as first:
        assert (await first.ask(a_get())).status == 200
        async with AsyncExitStack() as others:
            beyond = [await others.enter_async_context(raw_client(server.url)) for _ in range(20)]
            statuses = [(await each.ask(a_get())).status for each in beyond]
            assert statuses[-1] == 503
            assert (await first.ask(a_get())).status == 200


@pytest.mark.parametrize("upgrade", [b"h2c", b"something/2"])
async def test_another_upgrade_is_passed_over(upgrade: bytes) -> None:
    async with serving(echoes) as server, raw_client(server.url) as client:
        reply = await client.ask(a_get(b"/x", b"Connection: Upgrade", b"Upgrade: " + upgrade))
        assert (reply.status, reply.body) == (200, b"/x ")


async def test_another_upgrade_with_a_body_is_told_that_it_cannot_be() -> None:
    seen: list[bytes] = []

    async def looks(client: ServerClient) -> None:
        seen.append(client.received.target)
        await client.body(100)

    async with serving(looks) as server, raw_client(server.url) as client:
        reply = await client.ask(a_post(b"abc", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"))
        assert (reply.status, reply.error["code"]) == (400, "unsupported_upgrade")
    assert seen == []


# A front that breaks.


async def raises(client: ServerClient) -> None:
    raise ValueError("a fault of the front")


async def forgets(client: ServerClient) -> None:
    return


async def stops_in_the_middle(client: ServerClient) -> None:
    client.start(200, (), None)
    client.write(b"half")
    raise ValueError("a fault of the front")


@pytest.mark.parametrize("front", [raises, forgets])
async def test_a_request_without_an_answer_does_not_leave_its_client_waiting(
    front: Front,
) -> None:
    async with serving(front) as server, raw_client(server.url) as client:
        reply = await client.ask(a_get())
        assert (reply.status, reply.error["code"], reply.value(b"connection")) == (500, "gateway_error", b"close")
        await server.emptied()


async def test_a_reply_that_its_front_left_is_broken_off() -> None:
    async with serving(stops_in_the_middle) as server, raw_client(server.url) as client:
        await client.send(a_get())
        assert (await client.rest()).endswith(b"half\r\n")
        await server.emptied()


# Stopping.


async def test_stopping_closes_what_is_idle_at_once() -> None:
    async with serving(echoes) as server, raw_client(server.url) as asked, raw_client(server.url) as silent:
        assert (await asked.ask(a_get())).status == 200
        await server.holds(2)
        for connection in server.connections:
            connection.shutdown()
        assert (await asked.rest(), await silent.rest()) == (b"", b"")


@pytest.mark.parametrize("started", [False, True])
async def test_stopping_lets_a_reply_come_to_its_end(started: bool) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def waits(client: ServerClient) -> None:
        if started:
            client.start(200, (), None)
            client.write(b"first ")
        begun.set()
        await go_on.wait()
        if not started:
            client.start(200, (), None)
            client.write(b"first ")
        client.write(b"last")
        client.finish()

    async with serving(waits) as server, raw_client(server.url) as client:
        await client.send(a_get() + a_get(b"/behind"))
        await begun.wait()
        (connection,) = server.connections
        connection.shutdown()
        go_on.set()
        reply: RawReply = await client.reply()
        assert reply.body == b"first last"
        assert await client.rest() == b""
        await server.emptied()


async def test_a_connection_that_ends_leaves_no_task_behind() -> None:
    async with serving(echoes, PATIENT) as server:
        for _ in range(20):
            async with raw_client(server.url) as client:
                assert (await client.ask(a_post(b"x"))).status == 200
        await server.emptied()
        assert server.tasks == 0
