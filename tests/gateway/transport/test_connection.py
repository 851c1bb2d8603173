import asyncio

import pytest

from gateway.transport import (
    ChunkTimeout,
    FirstByteTimeout,
    ReplyTooLarge,
    TotalTimeout,
    UpstreamBroken,
    UpstreamInvalid,
)
from gateway.transport.clock import Patience
from gateway.transport.connection import Connection
from gateway.transport.dialer import Dialer
from gateway.transport.limits import Limits
from gateway.transport.origin import Origin
from tests.builders.scripted_upstream import Link, chunk, chunked_head, reply, scripted_upstream
from tests.builders.transports import a_get, a_post, pool_to

SOON = 1.0


async def answering(link: Link) -> None:
    while True:
        request = await link.request()
        await link.send(reply(b"answer to " + request.line))


async def test_a_request_goes_out_as_it_is_and_its_reply_comes_back() -> None:
    async def script(link: Link) -> None:
        request = await link.request()
        assert request.head == (b"POST /v1/chat/completions HTTP/1.1\r\nHost: upstream\r\nContent-Length: 6\r\n\r\n")
        assert request.body == b"a body"
        await link.send(reply(b"hello", b"X-Request-ID: req_1", status=b"201 Made"))

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post(b"a body"))
        assert (answer.status, answer.reason) == (201, b"Made")
        assert answer.headers == ((b"X-Request-ID", b"req_1"), (b"Content-Length", b"5"))
        assert [await answer.chunk(), await answer.chunk(), await answer.chunk()] == [b"hello", b"", b""]


async def test_a_request_without_a_body_has_no_framing() -> None:
    async def script(link: Link) -> None:
        await link.send(reply((await link.request()).head))

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_get(b"/v1/files/a%2Fb?include[]=x"))
        assert await answer.read(1000) == b"GET /v1/files/a%2Fb?include[]=x HTTP/1.1\r\nHost: upstream\r\n\r\n"


@pytest.mark.parametrize(
    "framed", [reply(b"hello world"), chunked_head() + chunk(b"hello ") + chunk(b"world") + chunk(b"")]
)
async def test_a_reply_that_comes_byte_by_byte_is_the_same_reply(framed: bytes) -> None:
    async def script(link: Link) -> None:
        for _ in range(2):
            await link.request()
            await link.send_each(framed)

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        for _ in range(2):
            answer = await pool.send(a_post())
            assert await answer.read(1000) == b"hello world"
        assert len(upstream.links) == 1


async def test_each_piece_is_there_as_soon_as_it_came() -> None:
    heard = asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head() + chunk(b"first"))
        await heard.wait()
        await link.send(chunk(b"second") + chunk(b""))

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post())
        assert await asyncio.wait_for(answer.chunk(), SOON) == b"first"
        heard.set()
        assert await asyncio.wait_for(answer.chunk(), SOON) == b"second"
        assert await asyncio.wait_for(answer.chunk(), SOON) == b""


async def test_a_body_that_ends_with_the_connection_is_whole_and_the_connection_not_used_again() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        for _ in range(2):
            answer = await pool.send(a_post())
            assert await answer.read(1000) == b"until the end"
        assert len(upstream.links) == 2


@pytest.mark.parametrize(
    "start", [reply(b"hello world")[:-3], chunked_head() + chunk(b"hello"), chunked_head() + b"f\r\nhel"]
)
async def test_a_body_that_ends_too_early_is_broken_after_what_came(start: bytes) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(start)

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post())
        assert (await answer.chunk()).startswith(b"hel")
        with pytest.raises(UpstreamBroken):
            await answer.chunk()
        with pytest.raises(UpstreamBroken):
            await answer.chunk()


async def test_a_body_delimited_by_the_connection_is_broken_when_the_connection_breaks() -> None:
    heard = asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\n\r\nso far")
        await heard.wait()
        link.reset()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post())
        assert await answer.chunk() == b"so far"
        heard.set()
        with pytest.raises(UpstreamBroken):
            await answer.chunk()


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 100 Continue\r\n\r\n"])
@pytest.mark.parametrize("politely", [True, False])
async def test_a_connection_that_ends_before_the_answer_is_broken(first: bytes, politely: bool) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(first)
        if not politely:
            link.reset()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        with pytest.raises(UpstreamBroken):
            await pool.send(a_post())
        assert len(upstream.links) == 1, "a request is sent once"


async def test_bytes_that_are_not_http_end_the_connection() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
        await link.hung_up()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        with pytest.raises(UpstreamInvalid):
            await pool.send(a_post())
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


async def test_bad_chunks_end_a_reply_that_has_begun() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head() + chunk(b"good"))
        await heard.wait()
        await link.send(b"zzz\r\n")
        await link.hung_up()

    heard = asyncio.Event()
    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post())
        assert await answer.chunk() == b"good"
        heard.set()
        with pytest.raises(UpstreamInvalid):
            await answer.chunk()
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


@pytest.mark.parametrize("after", [b"\r\n", b"x", reply(b"poison")])
async def test_bytes_after_a_reply_never_reach_the_next_one(after: bytes) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(reply(b"mine") + after)
        await link.hung_up()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        for _ in range(3):
            answer = await pool.send(a_post())
            assert await answer.read(1000) == b"mine"
            await asyncio.wait_for(upstream.links[-1].gone.wait(), SOON)
        assert len(upstream.links) == 3


async def test_bytes_on_an_idle_connection_close_it() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(reply(b"mine"))
        await parted.wait()
        await link.send(reply(b"poison"))
        await link.hung_up()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        for _ in range(2):
            parted = asyncio.Event()
            answer = await pool.send(a_post())
            assert await answer.read(1000) == b"mine"
            parted.set()
            await asyncio.wait_for(upstream.links[-1].gone.wait(), SOON)
        assert len(upstream.links) == 2


async def test_a_reply_may_be_read_after_its_connection_has_gone_on() -> None:
    async with scripted_upstream(answering) as upstream, pool_to(upstream.url) as pool:
        first = await pool.send(a_get(b"/first"))
        second = await pool.send(a_get(b"/second"))
        assert len(upstream.links) == 1
        assert await second.read(1000) == b"answer to GET /second HTTP/1.1"
        assert await first.read(1000) == b"answer to GET /first HTTP/1.1"


async def test_closing_an_old_reply_does_not_touch_the_request_that_has_its_connection_now() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(reply(b"first"))
        await link.request()
        await link.send(chunked_head() + chunk(b"second "))
        await closed.wait()
        await link.send(chunk(b"whole") + chunk(b""))

    closed = asyncio.Event()
    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        first = await pool.send(a_post())
        second = await pool.send(a_post())
        first.close()
        first.close()
        closed.set()
        assert await second.read(1000) == b"second whole"
        assert len(upstream.links) == 1


async def test_closing_a_reply_early_closes_its_connection_at_once() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head() + chunk(b"first"))
        await link.hung_up()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post())
        assert await answer.chunk() == b"first"
        answer.close()
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)
        with pytest.raises(UpstreamBroken):
            await answer.chunk()


async def test_closing_a_reply_wakes_its_reader_with_no_good_end() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head())
        await link.hung_up()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post())
        reading = asyncio.ensure_future(answer.chunk())
        await asyncio.sleep(0)
        answer.close()
        with pytest.raises(UpstreamBroken):
            await reading


async def test_a_slow_reader_holds_the_upstream_back() -> None:
    total = 32 << 20
    sent = 0

    async def script(link: Link) -> None:
        nonlocal sent
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            await link.send(b"x" * 65536)
            sent += 65536

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post())
        await asyncio.sleep(0.3)
        stalled_at = sent
        assert stalled_at < total / 2
        await asyncio.sleep(0.1)
        assert sent == stalled_at
        size = 0
        while piece := await answer.chunk():
            size += len(piece)
        assert size == total


async def test_a_connection_whose_reply_was_held_is_read_again_for_the_next_request() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head() + chunk(b"x" * 200_000))
        await held.wait()
        await link.send(chunk(b"x" * 10) + chunk(b""))
        await link.request()
        await link.send(reply(b"next"))

    held = asyncio.Event()
    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post())
        await asyncio.sleep(0.1)
        held.set()
        assert len(await answer.read(1 << 20)) == 200_010
        answer = await pool.send(a_post())
        assert await asyncio.wait_for(answer.read(1000), SOON) == b"next"
        assert len(upstream.links) == 1


async def test_a_reply_over_its_limit_ends_the_connection() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head())
        await heard.wait()
        while True:
            await link.send(chunk(b"x" * 1000))

    heard = asyncio.Event()
    async with scripted_upstream(script) as upstream, pool_to(upstream.url, Limits(max_reply_bytes=50_000)) as pool:
        answer = await pool.send(a_post())
        heard.set()
        with pytest.raises(ReplyTooLarge):
            await answer.read(1 << 30)
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


async def test_reading_a_reply_stops_at_the_readers_limit() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head())
        while True:
            await link.send(chunk(b"x" * 1000))

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post())
        with pytest.raises(ReplyTooLarge):
            await answer.read(50_000)
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


async def test_silence_before_the_head_is_a_first_byte_timeout() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await link.send_each(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 2000)
        await link.hung_up()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url, Limits(first_byte_timeout=0.2)) as pool:
        started = asyncio.get_running_loop().time()
        with pytest.raises(FirstByteTimeout):
            await pool.send(a_post())
        assert 0.2 <= asyncio.get_running_loop().time() - started < 0.5
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


async def test_silence_between_chunks_is_a_chunk_timeout_after_what_came() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head())
        for _ in range(5):
            await link.send(chunk(b"x"))
            await asyncio.sleep(0.1)
        await link.hung_up()

    limits = Limits(first_byte_timeout=5, between_chunks_timeout=0.2)
    async with scripted_upstream(script) as upstream, pool_to(upstream.url, limits) as pool:
        answer = await pool.send(a_post())
        for _ in range(5):
            assert await answer.chunk() == b"x"
        with pytest.raises(ChunkTimeout):
            await answer.chunk()
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


async def test_a_slow_reader_is_not_the_silence_of_the_upstream() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head() + chunk(b"x" * 1_000_000) + chunk(b""))

    async with scripted_upstream(script) as upstream, pool_to(upstream.url, Limits(between_chunks_timeout=0.1)) as pool:
        answer = await pool.send(a_post())
        await asyncio.sleep(0.5)
        assert len(await answer.read(1 << 20)) == 1_000_000


async def test_the_whole_exchange_has_a_limit_that_no_steady_stream_escapes() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head())
        while True:
            await link.send(chunk(b"x"))
            await asyncio.sleep(0.02)

    limits = Limits(first_byte_timeout=5, between_chunks_timeout=5, total_timeout=0.2)
    async with scripted_upstream(script) as upstream, pool_to(upstream.url, limits) as pool:
        started = asyncio.get_running_loop().time()
        answer = await pool.send(a_post())
        with pytest.raises(TotalTimeout):
            await answer.read(1 << 20)
        assert 0.2 <= asyncio.get_running_loop().time() - started < 0.5


async def test_a_reused_connection_counts_each_exchange_from_its_beginning() -> None:
    async with (
        scripted_upstream(answering) as upstream,
        pool_to(upstream.url, Limits(total_timeout=0.2, first_byte_timeout=0.2)) as pool,
    ):
        for pause in (0.1, 0.1, 0.1, 0.1, 0.5):
            await (await pool.send(a_post())).read(1000)
            await asyncio.sleep(pause)
        await (await pool.send(a_post())).read(1000)
        assert len(upstream.links) == 1


async def test_an_answer_to_a_request_that_was_cancelled_a_moment_ago_closes_the_connection() -> None:
    limits = Limits()
    freed: list[Connection] = []
    async with scripted_upstream(answering) as upstream:
        loop = asyncio.get_running_loop()
        connection = Connection(loop, limits, Patience.under(limits), freed.append, lambda connection: None)
        await Dialer(Origin.of(upstream.url), None, None, None).dial(connection)
        asked = connection.ask(b"GET", b"GET / HTTP/1.1\r\n\r\n", b"", more=False, age=0)
        asked.cancel()
        # Before whoever cancelled has come to drop the connection.
        connection.data_received(reply(b"too late"))
        assert not connection.open
        assert not freed
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)
