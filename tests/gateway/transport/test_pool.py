import asyncio
import gc
import os
import socket
from pathlib import Path

import pytest

from gateway.transport import ConnectError, ConnectTimeout, PoolExhausted, UpstreamBroken
from gateway.transport.limits import Limits
from gateway.transport.reply import Reply
from tests.builders.black_holes import black_hole, closed_port
from tests.builders.scripted_upstream import Link, chunk, chunked_head, reply, scripted_upstream
from tests.builders.transports import a_get, a_post, pool_to

SOON = 1.0


async def answering(link: Link) -> None:
    while True:
        request = await link.request()
        await link.send(reply(request.body or request.line))


async def test_one_request_after_another_uses_one_connection() -> None:
    async with scripted_upstream(answering) as upstream, pool_to(upstream.url) as pool:
        for number in range(20):
            answer = await pool.send(a_post(b"%d" % number))
            assert await answer.read(1000) == b"%d" % number
        assert len(upstream.links) == 1


async def test_the_connection_that_was_freed_last_is_used_first() -> None:
    async def script(link: Link) -> None:
        number = len(upstream.links)
        while True:
            request = await link.request()
            await released[request.line].wait()
            await link.send(reply(b"link %d" % number))

    lines = [b"GET /%d HTTP/1.1" % number for number in range(3)]
    released = {line: asyncio.Event() for line in [*lines, b"GET /again HTTP/1.1"]}
    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        sending = []
        for number in range(3):
            sending.append(asyncio.ensure_future(pool.send(a_get(b"/%d" % number))))
            await asyncio.sleep(0.05)
        names = []
        for number in (2, 0, 1):
            released[lines[number]].set()
            names.append(await (await sending[number]).read(1000))
        released[b"GET /again HTTP/1.1"].set()
        answers = [await (await pool.send(a_get(b"/again"))).read(1000) for _ in range(3)]
        assert answers == [names[-1]] * 3
        assert len(upstream.links) == 3


async def test_no_answer_is_ever_given_to_another_request() -> None:
    async def script(link: Link) -> None:
        while True:
            request = await link.request()
            token = request.body
            turn = int(token) % 7
            if turn == 0:
                await link.send(chunked_head() + chunk(token[:1]))
                await asyncio.sleep(0.001 * (int(token) % 5))
                await link.send(chunk(token[1:]) + chunk(b""))
            elif turn == 1:
                await link.send(reply(token) + b"\r\n" + reply(b"poison"))
            elif turn == 2:
                await link.send(reply(token, b"Connection: close"))
                return
            elif turn == 3:
                await link.send(reply(token))
                await link.send(reply(b"poison"))
            else:
                await asyncio.sleep(0.001 * (int(token) % 11))
                await link.send(b"HTTP/1.1 100 Continue\r\n\r\n" + reply(token))

    async def ask(number: int) -> bool:
        token = b"%d" % (10_000 + number)
        try:
            answer = await pool.send(a_post(token))
            if number % 13 == 0:
                answer.close()
                return False
            body = await answer.read(1000)
        except UpstreamBroken:
            return False
        assert body == token
        return True

    async with scripted_upstream(script) as upstream, pool_to(upstream.url, Limits(max_connections=50)) as pool:
        for wave in range(3):
            answered = await asyncio.gather(*(ask(wave * 200 + number) for number in range(200)))
            assert sum(answered) > 120
        assert len(upstream.links) > 50


async def test_a_connection_that_the_upstream_closes_while_idle_is_not_used_again() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(reply(b"once"))

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        for number in range(1, 4):
            answer = await pool.send(a_post())
            assert await answer.read(1000) == b"once"
            await asyncio.wait_for(upstream.links[-1].gone.wait(), SOON)
            await asyncio.sleep(0.01)
            assert len(upstream.links) == number


@pytest.mark.parametrize("stray", [b"", reply(b"poison")])
async def test_what_the_loop_has_not_seen_yet_is_seen_before_the_next_request(stray: bytes) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(reply(b"mine"))
        await link.hung_up()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        for number in range(1, 4):
            assert await (await pool.send(a_post())).read(1000) == b"mine"
            assert len(upstream.links) == number
            # Past the loop, so that it cannot have looked when the next request is sent.
            with socket.socket(fileno=os.dup(upstream.links[-1].writer.get_extra_info("socket").fileno())) as beside:
                beside.sendall(stray) if stray else beside.shutdown(socket.SHUT_WR)


async def test_a_connection_that_the_upstream_means_to_close_is_not_used_again() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(reply(b"last", b"Connection: close"))
        await link.hung_up()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        for _ in range(2):
            assert await (await pool.send(a_post())).read(1000) == b"last"
        assert len(upstream.links) == 2


async def test_a_reply_to_head_leaves_the_connection_in_step() -> None:
    async def script(link: Link) -> None:
        while True:
            request = await link.request()
            whole = reply(b"the body of " + request.line)
            await link.send(whole[: whole.index(b"\r\n\r\n") + 4] if request.line.startswith(b"HEAD") else whole)

    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        for _ in range(3):
            answer = await pool.send(a_get(b"/", b"HEAD"))
            assert await answer.read(1000) == b""
            answer = await pool.send(a_get(b"/"))
            assert await answer.read(1000) == b"the body of GET / HTTP/1.1"
        assert len(upstream.links) == 1


async def test_an_idle_connection_is_closed_after_a_while() -> None:
    async with scripted_upstream(answering) as upstream, pool_to(upstream.url, Limits(idle_timeout=0.1)) as pool:
        await (await pool.send(a_post())).read(1000)
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)
        await (await pool.send(a_post())).read(1000)
        assert len(upstream.links) == 2


async def test_no_more_connections_are_open_than_allowed_and_waiters_come_in_order() -> None:
    at_once = most = 0
    order = []

    async def script(link: Link) -> None:
        nonlocal at_once, most
        while True:
            request = await link.request()
            at_once += 1
            most = max(most, at_once)
            order.append(int(request.body))
            await asyncio.sleep(0.005)
            at_once -= 1
            await link.send(reply(request.body))

    async def ask(number: int) -> None:
        assert await (await pool.send(a_post(b"%d" % number))).read(1000) == b"%d" % number

    async with scripted_upstream(script) as upstream, pool_to(upstream.url, Limits(max_connections=3)) as pool:
        await asyncio.gather(*(ask(number) for number in range(30)))
        assert len(upstream.links) == most == 3
        for place, number in enumerate(order):
            assert abs(place - number) < 3


async def test_who_waits_takes_the_slot_of_a_connection_that_is_closed() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(reply(b"last", b"Connection: close"))

    async with scripted_upstream(script) as upstream, pool_to(upstream.url, Limits(max_connections=1)) as pool:
        answers = await asyncio.gather(*(pool.send(a_post()) for _ in range(10)))
        assert [await answer.read(1000) for answer in answers] == [b"last"] * 10
        assert len(upstream.links) == 10


async def test_waiting_for_a_connection_has_an_end() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head())
        await link.hung_up()

    limits = Limits(max_connections=1, connect_timeout=0.1)
    async with scripted_upstream(script) as upstream, pool_to(upstream.url, limits) as pool:
        holding = await pool.send(a_post())
        with pytest.raises(PoolExhausted):
            await pool.send(a_post())
        holding.close()
        again = await pool.send(a_post())
        again.close()


async def test_a_slot_is_not_lost_when_who_waits_gives_up() -> None:
    async def script(link: Link) -> None:
        while True:
            await link.request()
            await link.send(chunked_head())
            await released.wait()
            await link.send(chunk(b""))

    async with scripted_upstream(script) as upstream, pool_to(upstream.url, Limits(max_connections=1)) as pool:
        for _ in range(3):
            released = asyncio.Event()
            holding = await pool.send(a_post())
            waiting = [asyncio.ensure_future(pool.send(a_post())) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[1].cancel()
            released.set()
            assert await holding.read(1000) == b""
            # The freed connection has just been given to the first, which does not know it yet.
            waiting[0].cancel()
            assert await asyncio.wait_for((await waiting[2]).read(1000), SOON) == b""
            assert [task.cancelled() for task in waiting] == [True, True, False]
        assert len(upstream.links) == 1


async def test_a_refused_connection_is_a_connect_error() -> None:
    with closed_port() as port:
        async with pool_to(f"http://127.0.0.1:{port}", Limits(max_connections=1)) as pool:
            for _ in range(3):
                with pytest.raises(ConnectError, match=f"127.0.0.1:{port}"):
                    await pool.send(a_post())


async def test_an_unknown_name_is_a_connect_error() -> None:
    async with pool_to("http://no-such-host.invalid") as pool:
        with pytest.raises(ConnectError, match=r"no-such-host\.invalid"):
            await pool.send(a_post())


async def test_a_connection_that_is_not_made_in_time_is_a_connect_timeout() -> None:
    with black_hole() as port:
        async with pool_to(f"http://127.0.0.1:{port}", Limits(connect_timeout=0.1, max_connections=1)) as pool:
            for _ in range(2):
                with pytest.raises(ConnectTimeout):
                    await pool.send(a_post())


async def test_an_upstream_that_hangs_up_at_once_is_a_transport_error_and_costs_no_slot() -> None:
    async def script(link: Link) -> None:
        link.reset()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url, Limits(max_connections=1)) as pool:
        for _ in range(5):
            with pytest.raises((ConnectError, UpstreamBroken)):
                await pool.send(a_post())


async def test_cancelling_a_request_that_waits_for_its_answer_closes_the_connection() -> None:
    async def script(link: Link) -> None:
        await link.request()
        asked.set()
        await link.hung_up()

    asked = asyncio.Event()
    async with scripted_upstream(script) as upstream, pool_to(upstream.url, Limits(max_connections=1)) as pool:
        for number in range(3):
            asked.clear()
            sending = asyncio.ensure_future(pool.send(a_post()))
            await asked.wait()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            await asyncio.wait_for(upstream.links[number].gone.wait(), SOON)


async def test_cancelling_when_the_answer_has_just_come_harms_nobody() -> None:
    async with scripted_upstream(answering) as upstream, pool_to(upstream.url, Limits(max_connections=2)) as pool:
        await (await pool.send(a_post())).read(1000)
        for turns in range(60):
            cancelled = asyncio.ensure_future(pool.send(a_post(b"cancelled")))
            for _ in range(turns % 12):
                await asyncio.sleep(0)
            cancelled.cancel()
            answer = await pool.send(a_post(b"%d" % turns))
            assert await answer.read(1000) == b"%d" % turns
            (outcome,) = await asyncio.gather(cancelled, return_exceptions=True)
            if isinstance(outcome, Reply):
                outcome.close()
            else:
                assert isinstance(outcome, asyncio.CancelledError)


async def test_cancelling_at_every_stage_leaves_a_pool_that_works() -> None:
    async def script(link: Link) -> None:
        while True:
            request = await link.request()
            await asyncio.sleep(0.001)
            await link.send(chunked_head() + chunk(request.body[:1]))
            await asyncio.sleep(0.001)
            await link.send(chunk(request.body[1:]) + chunk(b""))

    async def ask(token: bytes) -> bytes:
        answer = await pool.send(a_post(token))
        try:
            return await answer.read(1000)
        finally:
            answer.close()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url, Limits(max_connections=4)) as pool:
        for delay in range(60):
            asking = [asyncio.ensure_future(ask(b"%d" % number)) for number in range(100, 108)]
            await asyncio.sleep(delay / 10_000)
            for task in asking[::2]:
                task.cancel()
            answers = await asyncio.gather(*asking, return_exceptions=True)
            for number, answer in enumerate(answers):
                assert answer == b"%d" % (100 + number) or (
                    number % 2 == 0 and isinstance(answer, asyncio.CancelledError)
                )
        answers = await asyncio.gather(*(ask(b"%d" % number) for number in range(100, 108)))
        assert answers == [b"%d" % number for number in range(100, 108)]
        await pool.aclose()
        for link in upstream.links:
            await asyncio.wait_for(link.gone.wait(), SOON)


async def test_a_closed_pool_lets_busy_connections_finish_and_opens_no_new_ones() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head() + chunk(b"one "))
        await closed.wait()
        await link.send(chunk(b"two") + chunk(b""))
        await link.hung_up()

    closed = asyncio.Event()
    async with scripted_upstream(script) as upstream, pool_to(upstream.url) as pool:
        answer = await pool.send(a_post())
        await pool.aclose()
        closed.set()
        assert await answer.read(1000) == b"one two"
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)
        with pytest.raises(ConnectError):
            await pool.send(a_post())


async def test_closing_the_pool_ends_the_wait_for_a_connection() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(chunked_head())
        await link.hung_up()

    async with scripted_upstream(script) as upstream, pool_to(upstream.url, Limits(max_connections=1)) as pool:
        holding = await pool.send(a_post())
        waiting = asyncio.ensure_future(pool.send(a_post()))
        await asyncio.sleep(0)
        await pool.aclose()
        with pytest.raises(ConnectError):
            await waiting
        holding.close()


async def test_closing_the_pool_closes_what_is_idle() -> None:
    async with scripted_upstream(answering) as upstream, pool_to(upstream.url) as pool:
        await asyncio.gather(*(pool.send(a_post()) for _ in range(5)))
        await pool.aclose()
        await pool.aclose()
        for link in upstream.links:
            await asyncio.wait_for(link.gone.wait(), SOON)


async def test_a_unix_socket_is_an_upstream_like_any_other(tmp_path: Path) -> None:
    async with (
        scripted_upstream(answering, uds=tmp_path / "office") as upstream,
        pool_to("http://office", uds=tmp_path / "office") as pool,
    ):
        for _ in range(2):
            assert await (await pool.send(a_post(b"over unix"))).read(1000) == b"over unix"
        assert len(upstream.links) == 1
    async with pool_to("http://office", uds=tmp_path / "nobody") as pool:
        with pytest.raises(ConnectError, match="nobody"):
            await pool.send(a_post())


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_an_upstream_may_have_an_ipv6_address() -> None:
    async with scripted_upstream(answering, host="::1") as upstream, pool_to(upstream.url) as pool:
        assert pool.authority.startswith(b"[::1]:")
        assert await (await pool.send(a_post(b"six"))).read(1000) == b"six"


async def test_many_requests_leave_no_cycles_behind() -> None:
    async with scripted_upstream(answering) as upstream, pool_to(upstream.url) as pool:
        for _ in range(10):
            await (await pool.send(a_post())).read(1000)
        gc.collect()
        gc.disable()
        try:
            before = len(gc.get_objects())
            for _ in range(200):
                await (await pool.send(a_post())).read(1000)
            assert len(gc.get_objects()) - before < 200
        finally:
            gc.enable()
    assert len(upstream.links) == 1
