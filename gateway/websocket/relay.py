"""Gives the messages of each side to the other, each as it comes, until one side ends.

Text stays text and binary stays binary; fragments are joined. A side is read only as fast as the other one reads.
"""

import asyncio

from websockets.exceptions import ConnectionClosed

from gateway.websocket.ending import Ending, ending_of
from gateway.websocket.link import Link, Stalled


async def relayed(client: Link, upstream: Link, patience: float) -> Ending:
    """Relays until one side ends and what it said before has been given to the other.

    A client that broke off is not waited for, nor a side that read nothing for `patience` seconds.
    """
    asking = asyncio.ensure_future(_given_on(client, upstream, patience))
    answering = asyncio.ensure_future(_given_on(upstream, client, patience))
    client_closed = asyncio.ensure_future(client.wait_closed())
    tasks = (asking, answering, client_closed)
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        ended = client if client_closed in done else asking.result() if asking in done else answering.result()
        farewell = ended.farewell
        if ended is upstream:
            await asyncio.wait((answering, client_closed), return_when=asyncio.FIRST_COMPLETED)
            return ending_of("upstream", farewell)
        if farewell.code is not None:
            await asyncio.wait((asking,))
        return ending_of("client", farewell)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _given_on(source: Link, target: Link, patience: float) -> Link:
    """Gives each message of `source` to `target`; gives the one that ended."""
    while True:
        try:
            message = await source.recv()
        except ConnectionClosed:
            return source
        try:
            await target.give(message, patience)
        except (ConnectionClosed, Stalled):
            return target
