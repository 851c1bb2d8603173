"""Upgrades that are none, and connections that do not keep to the handshake."""

import asyncio
import socket

import pytest
from uvicorn.server import ServerState

from gateway.exchange import Received
from gateway.server.websocket import ClientWebsocket
from tests.builders.raw_client import raw_client
from tests.builders.scripted_upstream import scripted_upstream
from tests.builders.websocket_stage import echo, frame, handshake, listen, websocket_stage

TEXT = 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        handshake("/v1/realtime", "Content-Length: 2") + b"{}",
        handshake("/v1/realtime", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        handshake("/v1/realtime", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
        handshake().replace(b"Version: 13", b"Version: 12"),
        handshake().replace(b"GET", b"POST"),
        handshake().replace(b"HTTP/1.1", b"HTTP/1.0"),
        handshake() + frame(TEXT, b"too early"),
        handshake("/v1/r\xe4"),
    ],
)
async def test_a_handshake_that_is_none_is_400_in_the_shape_of_the_api(request_bytes):
    async with websocket_stage(listen) as stage, raw_client(stage.gateway.url) as client:
        reply = await client.ask(request_bytes)
        assert (reply.status, reply.error["type"]) == (400, "invalid_request_error")
        assert await client.rest() == b""
        assert stage.connections == []
        async with stage.connect():
            assert len(stage.connections) == 1


async def test_a_client_that_speaks_before_it_is_answered_is_closed():
    answering = asyncio.Event()

    async def answer(connection, request):
        await answering.wait()

    async with websocket_stage(listen, answer=answer) as stage, raw_client(stage.gateway.url) as client:
        await client.send(handshake())
        await asyncio.sleep(0.1)
        await client.send(frame(TEXT, b"too early"))
        assert await client.rest() == b""
        (record,) = await stage.records()
        assert record["outcome"] == "client_gone"
        answering.set()


async def test_a_websocket_may_follow_answered_requests_on_its_connection():
    async with websocket_stage(echo) as stage, raw_client(stage.gateway.url) as client:
        assert (await client.ask(b"GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")).status == 200
        assert (await client.ask(handshake())).status == 101
        await client.send(frame(TEXT, b"hello"))
        assert await client.reader.readexactly(7) == b"\x81\x05hello"


async def test_headers_are_the_upstreams_to_limit_below_the_gateways_own_limit():
    async with websocket_stage(listen) as stage:
        async with raw_client(stage.gateway.url) as client:
            reply = await client.ask(handshake("/v1/realtime", *(f"X-{number}: {number}" for number in range(110))))
            assert (reply.status, stage.last.request.headers["X-109"]) == (101, "109")
        async with raw_client(stage.gateway.url) as client:
            reply = await client.ask(handshake("/v1/realtime", f"X-Long: {'x' * 20_000}"))
            assert (reply.status, b"no more than 8192 bytes" in reply.body) == (431, True)
        async with raw_client(stage.gateway.url) as client:
            reply = await client.ask(handshake("/v1/realtime", f"X-Long: {'x' * 70_000}"))
            assert (reply.status, reply.error["code"]) == (431, "headers_too_long")


async def test_the_kernel_asks_whether_a_silent_client_is_still_there():
    async def script(link):
        await link.hung_up()

    async with scripted_upstream(script) as peer:
        host, port = peer.url.removeprefix("http://").split(":")
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, host, int(port))
        received = Received(b"GET", b"/v1/realtime", ((b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),))
        ClientWebsocket(transport, ServerState(), received, 1 << 20).accept((), None)
        assert transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        transport.abort()
        await peer.links[0].gone.wait()


async def test_an_upgrade_to_something_else_is_an_ordinary_request():
    asked = b"GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    async with websocket_stage(listen) as stage, raw_client(stage.gateway.url) as client:
        assert (await client.ask(asked)).status == 200
