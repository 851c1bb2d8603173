import asyncio
import gzip
import time
from pathlib import Path

import pytest
import trustme

from gateway.tools.pinned import PATIENCE, NotReached, PinnedWeb, WebAnswer
from gateway.tools.web_address import WebAddress
from gateway.transport.limits import Limits
from tests.builders.internet import Names, only
from tests.builders.scripted_upstream import Link, chunk, chunked_head, reply, scripted_upstream
from tests.builders.tls import server_context

HERE = "127.0.0.1"


async def says_hello(link: Link) -> None:
    await link.request()
    await link.send(reply(b"hello", b"Content-Type: text/plain"))


def port_of(url: str) -> str:
    return url.rpartition(":")[2]


async def get(web: PinnedWeb, url: str) -> WebAnswer:
    return await web.ask(WebAddress.of(url), {"User-Agent": "test"})


async def test_a_host_is_asked_at_the_address_that_was_checked_under_its_own_name() -> None:
    heads: list[bytes] = []

    async def script(link: Link) -> None:
        heads.append((await link.request()).head)
        await link.send(reply(b"hello"))

    async with scripted_upstream(script) as server:
        names = Names({"site.example": [[HERE]]})
        web = PinnedWeb(may_reach=only(HERE), resolve=names)
        answer = await get(web, f"http://site.example:{port_of(server.url)}/a?b")
    assert (answer.status, answer.body, answer.whole) == (200, b"hello", True)
    assert heads[0].startswith(b"GET /a?b HTTP/1.1\r\n")
    assert f"Host: site.example:{port_of(server.url)}".encode() in heads[0]
    assert names.asked == ["site.example"]


async def test_over_tls_the_certificate_has_to_be_that_of_the_name(tmp_path: Path) -> None:
    authority = trustme.CA()
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    async with scripted_upstream(says_hello, tls=server_context(authority, "site.example")) as server:
        names = Names({"site.example": [[HERE]], "other.example": [[HERE]]})
        web = PinnedWeb(may_reach=only(HERE), resolve=names, ca_file=file)
        assert (await get(web, f"https://site.example:{port_of(server.url)}/")).body == b"hello"
        with pytest.raises(NotReached, match=r"other\.example could not be connected to"):
            await get(web, f"https://other.example:{port_of(server.url)}/")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "rebound.example",
    ],
)
async def test_nobody_on_this_machine_is_connected_to_however_it_is_written(host: str) -> None:
    async with scripted_upstream(says_hello) as server:
        names = Names({"localhost": [[HERE]], "rebound.example": [[HERE]]})
        with pytest.raises(NotReached) as caught:
            await get(PinnedWeb(resolve=names), f"http://{host}:{port_of(server.url)}/")
        assert not server.links
    assert not caught.value.transient


async def test_a_name_that_stands_for_something_else_the_second_time_is_refused_then() -> None:
    async with scripted_upstream(says_hello) as server:
        names = Names({"rebinding.example": [["127.0.0.1"], ["127.0.0.2"]]})
        web = PinnedWeb(may_reach=only("127.0.0.1"), resolve=names)
        url = f"http://rebinding.example:{port_of(server.url)}/"
        assert (await get(web, url)).body == b"hello"
        assert names.asked == ["rebinding.example"]
        with pytest.raises(NotReached, match="may not be reached"):
            await get(web, url)
        assert len(server.links) == 1


async def test_what_is_too_large_is_cut() -> None:
    async def endless(link: Link) -> None:
        await link.request()
        await link.send(chunked_head())
        while True:
            await link.send(chunk(b"x" * 65536))

    async with scripted_upstream(endless) as server:
        answer = await get(PinnedWeb(may_reach=only(HERE), most_bytes=100_000), server.url)
    assert (len(answer.body), answer.whole) == (100_000, False)


async def test_what_grows_when_it_is_decoded_is_cut_or_refused() -> None:
    bomb = gzip.compress(b"\0" * (64 << 20))

    async def script(link: Link) -> None:
        await link.request()
        await link.send(reply(bomb, b"Content-Encoding: gzip"))

    async with scripted_upstream(script) as server:
        try:
            answer = await get(PinnedWeb(may_reach=only(HERE), most_bytes=100_000), server.url)
        except NotReached as error:
            assert "cannot be decoded" in str(error)
        else:
            assert (len(answer.body), answer.whole) == (100_000, False)


async def test_who_says_nothing_is_not_waited_for() -> None:
    async def silent(link: Link) -> None:
        await link.hung_up()

    began = time.monotonic()
    async with scripted_upstream(silent) as server:
        web = PinnedWeb(may_reach=only(HERE), patience=Limits(first_byte_timeout=0.2))
        with pytest.raises(NotReached, match="FirstByteTimeout") as caught:
            await get(web, server.url)
    assert caught.value.transient
    assert time.monotonic() - began < 2


async def test_who_trickles_is_not_waited_for_either() -> None:
    async def trickling(link: Link) -> None:
        await link.request()
        await link.send(chunked_head())
        while True:
            await link.send(chunk(b"x"))
            await asyncio.sleep(0.02)

    async with scripted_upstream(trickling) as server:
        web = PinnedWeb(may_reach=only(HERE), patience=Limits(total_timeout=0.3))
        with pytest.raises(NotReached, match="TotalTimeout"):
            await get(web, server.url)


async def test_what_is_no_http_is_a_sentence() -> None:
    async def ssh(link: Link) -> None:
        await link.send(b"SSH-2.0-OpenSSH_9.6\r\n")
        await link.hung_up()

    async with scripted_upstream(ssh) as server:
        with pytest.raises(NotReached, match="did not answer as it should"):
            await get(PinnedWeb(may_reach=only(HERE)), server.url)


async def test_a_name_that_nobody_knows_is_a_sentence() -> None:
    with pytest.raises(NotReached, match=r"nowhere\.invalid could not be connected to"):
        await get(PinnedWeb(resolve=Names({})), "http://nowhere.invalid/")


def test_all_of_it_ends_before_a_tool_has_to() -> None:
    assert PATIENCE.total_timeout is not None
    assert PATIENCE.connect_timeout + PATIENCE.total_timeout < 30
