"""The way to the upstream: TLS and a proxy, as for everything else that goes there."""

from pathlib import Path

import pytest
import trustme
from websockets.asyncio.server import serve

from gateway.transport import ConnectError
from gateway.transport.limits import Limits
from gateway.websocket.dial import WebsocketDialer
from tests.builders.tls import server_context
from tests.builders.tunnels import tunnel_proxy
from tests.builders.websocket_stage import echo

LIMIT = 1 << 20


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


async def echoed(dialer: WebsocketDialer) -> str | bytes:
    """What comes back of a greeting."""
    link = await dialer.open(b"/v1/realtime", (), ())
    await link.give("hello", 1)
    answer = await link.recv()
    await link.part(1000, "", 1)
    return answer


def url_of(server, scheme):
    host, port = next(iter(server.sockets)).getsockname()
    return f"{scheme}://{host}:{port}"


async def test_an_upstream_with_a_certificate_of_a_trusted_authority_is_asked(authority, ca_file):
    async with serve(echo, "127.0.0.1", 0, ssl=server_context(authority, "127.0.0.1")) as server:
        dialer = WebsocketDialer(url_of(server, "https"), Limits(), LIMIT, ca_file=ca_file)
        assert await echoed(dialer) == "hello"


async def test_a_certificate_of_nobody_known_is_refused(authority):
    async with serve(echo, "127.0.0.1", 0, ssl=server_context(authority, "127.0.0.1")) as server:
        with pytest.raises(ConnectError, match="certificate verify failed"):
            await echoed(WebsocketDialer(url_of(server, "https"), Limits(), LIMIT))


async def test_a_proxy_is_asked_for_a_tunnel():
    async with serve(echo, "127.0.0.1", 0) as server, tunnel_proxy() as proxy:
        url = url_of(server, "http")
        assert await echoed(WebsocketDialer(url, Limits(), LIMIT, proxy=proxy.url)) == "hello"
        assert proxy.heads[0].startswith(b"CONNECT %b HTTP/1.1\r\n" % url.removeprefix("http://").encode())


async def test_a_tunnel_can_lead_to_tls(authority, ca_file):
    async with (
        serve(echo, "127.0.0.1", 0, ssl=server_context(authority, "127.0.0.1")) as server,
        tunnel_proxy() as proxy,
    ):
        dialer = WebsocketDialer(url_of(server, "https"), Limits(), LIMIT, ca_file=ca_file, proxy=proxy.url)
        assert await echoed(dialer) == "hello"
