import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from gateway.transport import FirstByteTimeout, RequestBroken, UpstreamBroken
from gateway.transport.limits import Limits
from tests.builders.scripted_upstream import Link, chunk, chunked_head, reply, scripted_upstream
from tests.builders.transports import a_post, pieces_of, pool_to

SOON = 1.0


async def echoing(link: Link) -> None:
    while True:
        request = await link.request()
        framing = b"chunked" if b"chunked" in request.head else b"length"
        await link.send(reply(framing + b" " + request.body))


async def test_a_stream_of_known_length_goes_out_under_its_length() -> None:
    async with scripted_upstream(echoing) as upstream, pool_to(upstream.url) as pool:
        for _ in range(2):
            answer = await pool.send(a_post(pieces_of(b"hello ", b"", b"world"), 11))
            assert await answer.read(1000) == b"length hello world"
        assert len(upstream.links) == 1


async def test_a_stream_of_unknown_length_goes_out_in_chunks() -> None:
    async with scripted_upstream(echoing) as upstream, pool_to(upstream.url) as pool:
        for _ in range(2):
            answer = await pool.send(a_post(pieces_of(b"hello ", b"", b"world")))
            assert await answer.read(1000) == b"chunked hello world"
        assert len(upstream.links) == 1


async def test_a_large_body_in_bytes_goes_out_whole() -> None:
    body = bytes(range(256)) * 40_000
    async with scripted_upstream(echoing) as upstream, pool_to(upstream.url) as pool:
        for _ in range(2):
            answer = await pool.send(a_post(body))
            assert await answer.read(1 << 30) == b"length " + body


@pytest.mark.parametrize("pieces", [(b"too short",), (b"too", b" long for it")])
async def test_a_stream_that_is_not_as_long_as_it_said_is_never_whole_to_the_upstream(
    pieces: tuple[bytes, ...],
) -> None:
    came = b""

    async def script(link: Link) -> None:
        nonlocal came
        await link.head()
        came = await link.reader.read()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        with pytest.raises(RequestBroken):
            await pool.send(a_post(pieces_of(*pieces), 12))
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)
        assert len(came) <= len(pieces[0])


async def test_what_the_stream_raises_comes_out_and_closes_the_connection() -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"start"
        raise EOFError("the client has left")

    async def script(link: Link) -> None:
        await link.request()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        with pytest.raises(EOFError, match="the client has left"):
            await pool.send(a_post(broken()))
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


async def test_a_slow_upstream_holds_the_stream_back() -> None:
    taken = 0

    async def endless() -> AsyncGenerator[bytes, None]:
        nonlocal taken
        while True:
            taken += 65536
            yield b"x" * 65536

    async def script(link: Link) -> None:
        await link.head()
        await released.wait()

    released = asyncio.Event()
    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool, aclosing(endless()) as body:
        sending = asyncio.ensure_future(pool.send(a_post(body)))
        await asyncio.sleep(0.3)
        stalled_at = taken
        assert stalled_at < 16 << 20
        await asyncio.sleep(0.1)
        assert taken == stalled_at
        released.set()
        with pytest.raises(UpstreamBroken):
            await sending


async def test_an_upstream_that_takes_nothing_any_more_is_a_first_byte_timeout() -> None:
    async def endless() -> AsyncGenerator[bytes, None]:
        while True:
            yield b"x" * 65536

    async def script(link: Link) -> None:
        await link.head()
        await released.wait()

    released = asyncio.Event()
    async with scripted_upstream(script) as upstream, pool_to(upstream.url, Limits(first_byte_timeout=0.2)) as pool:
        async with aclosing(endless()) as body:
            with pytest.raises(FirstByteTimeout):
                await pool.send(a_post(body))
        released.set()


async def test_a_client_that_pauses_is_not_the_silence_of_the_upstream() -> None:
    async def pausing() -> AsyncGenerator[bytes, None]:
        yield b"before"
        await asyncio.sleep(0.5)
        yield b" after"

    async with scripted_upstream(echoing) as upstream, pool_to(upstream.url, Limits(first_byte_timeout=0.1)) as pool:
        answer = await pool.send(a_post(pausing()))
        assert await answer.read(1000) == b"chunked before after"


@pytest.mark.parametrize("length", [None, 1 << 30])
async def test_an_early_answer_ends_an_upload_that_flows(length: int | None) -> None:
    taken = 0

    async def endless() -> AsyncGenerator[bytes, None]:
        nonlocal taken
        while True:
            taken += 1000
            yield b"x" * 1000
            await asyncio.sleep(0.001)

    async def script(link: Link) -> None:
        await link.head()
        await link.send(reply(b"too much", status=b"413 Too Large"))
        await link.hung_up()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        async with aclosing(endless()) as body:
            answer = await asyncio.wait_for(pool.send(a_post(body, length)), SOON)
            assert (answer.status, await answer.read(1000)) == (413, b"too much")
            stopped_at = taken
            await asyncio.sleep(0.05)
            assert taken == stopped_at
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


async def test_an_early_answer_ends_an_upload_whose_source_is_silent() -> None:
    async def stuck() -> AsyncGenerator[bytes, None]:
        yield b"start"
        await asyncio.Event().wait()

    async def script(link: Link) -> None:
        await link.head()
        await link.send(chunked_head(status=b"401 No") + chunk(b"who "))
        await heard.wait()
        await link.send(chunk(b"are you") + chunk(b""))
        await link.hung_up()

    heard = asyncio.Event()
    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        async with aclosing(stuck()) as body:
            answer = await asyncio.wait_for(pool.send(a_post(body)), SOON)
            assert (answer.status, await answer.chunk()) == (401, b"who ")
            heard.set()
            assert await answer.read(1000) == b"are you"
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


async def test_an_early_answer_to_a_large_body_in_bytes_comes_through() -> None:
    async def script(link: Link) -> None:
        await link.head()
        await link.send(reply(b"too much", status=b"413 Too Large"))
        await asyncio.wait_for(link.hung_up(), SOON)

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post(b"x" * (64 << 20)))
        assert (answer.status, await answer.read(1000)) == (413, b"too much")
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


async def test_cancelling_an_upload_closes_the_connection_and_ends_the_stream() -> None:
    ended = False

    async def stuck() -> AsyncGenerator[bytes, None]:
        nonlocal ended
        try:
            yield b"start"
            await asyncio.Event().wait()
        finally:
            ended = True

    async def script(link: Link) -> None:
        await link.head()
        begun.set()
        await link.hung_up()

    begun = asyncio.Event()
    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        sending = asyncio.ensure_future(pool.send(a_post(stuck())))
        await begun.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert ended
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


async def test_a_stream_that_breaks_when_it_is_ended_harms_nobody() -> None:
    async def brittle() -> AsyncGenerator[bytes, None]:
        yield b"start"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise EOFError("the client has left") from None

    async def script(link: Link) -> None:
        await link.head()
        await link.send(reply(b"no", status=b"401 No"))
        await link.hung_up()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post(brittle()))
        assert (answer.status, await answer.read(1000)) == (401, b"no")
