"""A connected socket to the first of several addresses that answers (RFC 8305, happy eyeballs).

uvloop tries addresses one after the other, so that one route that swallows packets (a broken IPv6, mostly) would
spend the whole `connect_timeout`.
"""

import asyncio
import socket
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Any

# As loop.getaddrinfo gives them: family, type, protocol, canonical name, socket address.
AddressInfo = tuple[Any, ...]

HEAD_START_SECONDS = 0.25


def interleaved(addresses: Sequence[AddressInfo]) -> list[AddressInfo]:
    """Keeps the resolver's order, but lets the families take turns."""
    preferred = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for address in chain.from_iterable(zip_longest(preferred, others)) if address is not None]


async def first_to_answer(addresses: Sequence[AddressInfo]) -> socket.socket:
    """Tries the next address once the last one failed or had its head start; OSError of the first if none answers."""
    attempts: list[asyncio.Task[socket.socket]] = []
    pending: set[asyncio.Task[socket.socket]] = set()
    winner: asyncio.Task[socket.socket] | None = None
    try:
        for address in addresses:
            attempts.append(asyncio.ensure_future(_connected(address)))
            pending.add(attempts[-1])
            winner, pending = await _first_good(pending, HEAD_START_SECONDS)
            if winner is not None:
                return winner.result()
        while pending and winner is None:
            winner, pending = await _first_good(pending, None)
        if winner is not None:
            return winner.result()
        raise next(
            (error for attempt in attempts if (error := attempt.exception())), OSError("no address to connect to")
        )
    finally:
        for attempt in attempts:
            if attempt is not winner:
                attempt.cancel()
                attempt.add_done_callback(_close)


async def _first_good(
    pending: set[asyncio.Task[socket.socket]], seconds: float | None
) -> tuple[asyncio.Task[socket.socket] | None, set[asyncio.Task[socket.socket]]]:
    done, pending = await asyncio.wait(pending, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return next((attempt for attempt in done if attempt.exception() is None), None), pending


async def _connected(address: AddressInfo) -> socket.socket:
    family, kind, protocol, _, target = address
    connecting = socket.socket(family, kind, protocol)
    try:
        connecting.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connecting, target)
    except BaseException:
        connecting.close()
        raise
    return connecting


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
