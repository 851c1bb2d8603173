import asyncio
import gc
import socket
from typing import cast

from gateway.transport.dialer import Dialer
from gateway.transport.origin import Origin
from tests.builders.scripted_upstream import Link, scripted_upstream

SOON = 1.0


class Kept(asyncio.Protocol):
    """A protocol that keeps its transport."""

    transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)


async def listening(link: Link) -> None:
    await link.hung_up()


async def test_the_kernel_asks_whether_a_silent_upstream_is_still_there() -> None:
    async with scripted_upstream(listening) as upstream:
        kept = Kept()
        await Dialer(Origin.of(upstream.url), None, None, None).dial(kept)
        assert kept.transport is not None
        connection = kept.transport.get_extra_info("socket")
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        kept.transport.abort()
        await asyncio.wait_for(upstream.links[0].gone.wait(), SOON)


async def test_dialling_that_is_cancelled_leaves_nothing_open() -> None:
    async with scripted_upstream(listening) as upstream:
        dialer = Dialer(Origin.of(upstream.url), None, None, None)
        for turns in range(12):
            kept = Kept()
            dialling = asyncio.ensure_future(dialer.dial(kept))
            for _ in range(turns):
                await asyncio.sleep(0)
            dialling.cancel()
            await asyncio.wait((dialling,))
            if kept.transport is not None:
                kept.transport.abort()
        await asyncio.sleep(0.05)
        for link in upstream.links:
            await asyncio.wait_for(link.gone.wait(), SOON)
        gc.collect()
