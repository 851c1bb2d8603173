import asyncio
from pathlib import Path

import pytest
import trustme
import uvloop

from gateway.transport import ConnectError, UpstreamBroken
from gateway.transport.limits import Limits
from tests.builders.scripted_upstream import Link, reply, scripted_upstream
from tests.builders.tls import server_context
from tests.builders.transports import a_post, pool_to

SOON = 1.0


async def answering(link: Link) -> None:
    while True:
        request = await link.request()
        secured = link.writer.get_extra_info("ssl_object")
        await link.send(reply(b"%b %b" % (str(secured.selected_alpn_protocol()).encode(), request.body)))


async def test_an_upstream_with_a_certificate_of_a_trusted_authority_is_asked(
    authority: trustme.CA, ca_file: Path
) -> None:
    tls = server_context(authority, "127.0.0.1")
    async with scripted_upstream(answering, tls=tls) as upstream, pool_to(upstream.url, ca_file=ca_file) as pool:
        for _ in range(3):
            answer = await pool.send(a_post(b"hello"))
            assert await answer.read(1000) == b"http/1.1 hello"
        answer = await pool.send(a_post(b"x" * 1_000_000))
        assert len(await answer.read(1 << 30)) == 1_000_009
        assert len(upstream.links) == 1


async def test_the_name_in_the_url_is_asked_for_and_checked(authority: trustme.CA, ca_file: Path) -> None:
    asked = []
    tls = server_context(authority, "localhost")
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with scripted_upstream(answering, tls=tls) as upstream:
        async with pool_to(upstream.url.replace("127.0.0.1", "localhost"), ca_file=ca_file) as pool:
            assert await (await pool.send(a_post(b"hello"))).read(1000) == b"http/1.1 hello"
        assert asked == ["localhost"]
        async with pool_to(upstream.url, ca_file=ca_file, limits=Limits(max_connections=1)) as pool:
            for _ in range(2):
                with pytest.raises(ConnectError, match=r"certificate|CERTIFICATE"):
                    await pool.send(a_post())


async def test_an_authority_that_nobody_trusts_is_refused(authority: trustme.CA) -> None:
    tls = server_context(authority, "127.0.0.1")
    async with scripted_upstream(answering, tls=tls) as upstream, pool_to(upstream.url) as pool:
        with pytest.raises(ConnectError, match="certificate verify failed"):
            await pool.send(a_post())


async def test_an_upstream_that_speaks_no_tls_is_a_connect_error(ca_file: Path) -> None:
    async def script(link: Link) -> None:
        await link.send(b"220 this is no TLS\r\n")
        await link.hung_up()

    async with (
        scripted_upstream(script) as upstream,
        pool_to(upstream.url.replace("http", "https"), ca_file=ca_file) as pool,
    ):
        with pytest.raises(ConnectError):
            await pool.send(a_post())


async def test_a_ca_file_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        async with pool_to("https://upstream", ca_file=tmp_path / "missing.pem"):
            pass


async def test_a_body_delimited_by_the_connection_is_whole_if_tls_says_so(authority: trustme.CA, ca_file: Path) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\n\r\nthe whole")

    tls = server_context(authority, "127.0.0.1")
    async with scripted_upstream(script, tls=tls) as upstream, pool_to(upstream.url, ca_file=ca_file) as pool:
        answer = await pool.send(a_post())
        assert await asyncio.wait_for(answer.read(1000), SOON) == b"the whole"


async def test_a_body_delimited_by_the_connection_is_broken_if_tls_says_nothing(
    authority: trustme.CA, ca_file: Path
) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\n\r\nso far")
        await heard.wait()
        # Closes the socket under TLS, as somebody in the middle could.
        link.writer.transport.abort()

    if not isinstance(asyncio.get_running_loop(), uvloop.Loop):
        pytest.skip("asyncio's own loop does not tell the two ends apart")
    heard = asyncio.Event()
    tls = server_context(authority, "127.0.0.1")
    async with scripted_upstream(script, tls=tls) as upstream, pool_to(upstream.url, ca_file=ca_file) as pool:
        answer = await pool.send(a_post())
        assert await answer.chunk() == b"so far"
        heard.set()
        with pytest.raises(UpstreamBroken):
            await asyncio.wait_for(answer.chunk(), SOON)


async def test_closing_a_reply_early_closes_the_connection_under_tls_at_once(
    authority: trustme.CA, ca_file: Path
) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(reply(b"a part of it")[:-3])
        await link.hung_up()

    tls = server_context(authority, "127.0.0.1")
    async with scripted_upstream(script, tls=tls) as upstream, pool_to(upstream.url, ca_file=ca_file) as pool:
        answer = await pool.send(a_post())
        answer.close()
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


async def test_a_slow_reader_holds_the_upstream_back_under_tls(authority: trustme.CA, ca_file: Path) -> None:
    total = 32 << 20
    sent = 0

    async def script(link: Link) -> None:
        nonlocal sent
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            await link.send(b"x" * 65536)
            sent += 65536

    tls = server_context(authority, "127.0.0.1")
    async with scripted_upstream(script, tls=tls) as upstream, pool_to(upstream.url, ca_file=ca_file) as pool:
        answer = await pool.send(a_post())
        await asyncio.sleep(0.5)
        stalled_at = sent
        assert stalled_at < total / 2
        await asyncio.sleep(0.1)
        assert sent == stalled_at
        size = 0
        while piece := await answer.chunk():
            size += len(piece)
        assert size == total
