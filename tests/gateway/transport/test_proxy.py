import asyncio
from base64 import b64encode
from pathlib import Path

import pytest
import trustme

from gateway.transport import ConnectError, ConnectTimeout
from gateway.transport.limits import Limits
from tests.builders.scripted_upstream import Link, reply, scripted_upstream
from tests.builders.tls import server_context
from tests.builders.transports import a_post, pool_to
from tests.builders.tunnels import tunnel_proxy

SOON = 1.0


async def answering(link: Link) -> None:
    while True:
        request = await link.request()
        await link.send(reply(request.line + b" " + request.body))


async def test_requests_to_a_plain_upstream_go_through_one_tunnel() -> None:
    async with (
        scripted_upstream(answering) as upstream,
        tunnel_proxy() as proxy,
        pool_to(upstream.url, proxy=proxy.url) as pool,
    ):
        for _ in range(2):
            answer = await pool.send(a_post(b"hello"))
            assert await answer.read(1000) == b"POST /v1/chat/completions HTTP/1.1 hello"
        target = upstream.url.removeprefix("http://").encode()
        assert proxy.heads == [b"CONNECT " + target + b" HTTP/1.1\r\nHost: " + target + b"\r\n\r\n"]


async def test_tls_goes_through_the_tunnel_to_the_upstream_itself(authority: trustme.CA, ca_file: Path) -> None:
    tls = server_context(authority, "127.0.0.1")
    async with (
        scripted_upstream(answering, tls=tls) as upstream,
        tunnel_proxy() as proxy,
        pool_to(upstream.url, proxy=proxy.url, ca_file=ca_file) as pool,
    ):
        for _ in range(2):
            answer = await pool.send(a_post(b"hello"))
            assert await answer.read(1000) == b"POST /v1/chat/completions HTTP/1.1 hello"
        assert len(proxy.heads) == len(upstream.links) == 1


async def test_a_proxy_may_speak_tls_too(authority: trustme.CA, ca_file: Path) -> None:
    tls = server_context(authority, "127.0.0.1")
    async with (
        scripted_upstream(answering, tls=tls) as upstream,
        tunnel_proxy(tls=tls) as proxy,
        pool_to(upstream.url, proxy=proxy.url, ca_file=ca_file) as pool,
    ):
        answer = await pool.send(a_post(b"hello"))
        assert await answer.read(1000) == b"POST /v1/chat/completions HTTP/1.1 hello"


async def test_the_certificate_of_the_upstream_is_checked_through_a_tunnel(authority: trustme.CA) -> None:
    tls = server_context(authority, "127.0.0.1")
    async with (
        scripted_upstream(answering, tls=tls) as upstream,
        tunnel_proxy() as proxy,
        pool_to(upstream.url, Limits(max_connections=1), proxy=proxy.url) as pool,
    ):
        for _ in range(2):
            with pytest.raises(ConnectError, match="certificate verify failed"):
                await pool.send(a_post())


async def test_the_credentials_in_the_url_of_the_proxy_are_sent_to_it() -> None:
    async with scripted_upstream(answering) as upstream, tunnel_proxy() as proxy:
        url = proxy.url.replace("http://", "http://user:p%40ss@")
        async with pool_to(upstream.url, proxy=url) as pool:
            answer = await pool.send(a_post())
            assert answer.status == 200
        assert b"\r\nProxy-Authorization: Basic " + b64encode(b"user:p@ss") + b"\r\n" in proxy.heads[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
        b"SSH-2.0-OpenSSH\r\n",
        b"",
    ],
)
async def test_a_proxy_that_opens_no_tunnel_is_a_connect_error(answer: bytes) -> None:
    async def script(link: Link) -> None:
        await link.head()
        await link.send(answer)

    async with (
        scripted_upstream(script) as proxy,
        pool_to("http://127.0.0.1:1", Limits(max_connections=1), proxy=proxy.url) as pool,
    ):
        for _ in range(2):
            with pytest.raises(ConnectError, match="proxy"):
                await pool.send(a_post())


async def test_a_proxy_that_does_not_answer_is_a_connect_timeout() -> None:
    async def script(link: Link) -> None:
        await link.head()
        await link.hung_up()

    limits = Limits(connect_timeout=0.1, max_connections=1)
    async with scripted_upstream(script) as proxy, pool_to("http://127.0.0.1:1", limits, proxy=proxy.url) as pool:
        for number in range(2):
            with pytest.raises(ConnectTimeout):
                await pool.send(a_post())
            await asyncio.wait_for(proxy.links[number].gone.wait(), SOON)


async def test_giving_up_on_a_tunnel_leaves_nothing_open() -> None:
    async def script(link: Link) -> None:
        await link.head()
        await link.hung_up()

    async with (
        scripted_upstream(script) as proxy,
        pool_to("http://127.0.0.1:1", Limits(max_connections=1), proxy=proxy.url) as pool,
    ):
        for turns in range(20):
            sending = asyncio.ensure_future(pool.send(a_post()))
            for _ in range(turns):
                await asyncio.sleep(0)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
        await asyncio.sleep(0.05)
        for link in proxy.links:
            await asyncio.wait_for(link.gone.wait(), SOON)
