"""Gives the messages of each side to the other, each as it comes, until one side ends.

Text stays text and binary stays binary; fragments are joined. A side is read only as fast as the other one reads. What
a message comes to is for the conversation to say.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic_ns

from websockets.exceptions import ConnectionClosed

from gateway.websocket.conversation import Conversation, Passed
from gateway.websocket.ending import Ending, ending_of
from gateway.websocket.frames import Message
from gateway.websocket.link import Link, Stalled


async def relayed(client: Link, upstream: Link, patience: float, conversation: Conversation) -> Ending:
    """Relays until one side ends and what it said before has been given to the other.

    A client that broke off is not waited for, nor a side that read nothing for `patience` seconds.
    """
    asking = asyncio.ensure_future(_given_on(client, upstream, patience, conversation.asked))
    answering = asyncio.ensure_future(_given_on(upstream, client, patience, conversation.answered, conversation))
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


async def _given_on(
    source: Link,
    target: Link,
    patience: float,
    taken: Callable[[Message], Awaitable[Passed]],
    holding: Conversation | None = None,
) -> Link:
    """Gives on what each message of `source` comes to; gives the link that ended.

    `holding` is the conversation where it may hold something of this side's until a time.
    """
    while True:
        try:
            message = await _received(source, None if holding is None else holding.due)
        except ConnectionClosed:
            return source
        if message is not None:
            passed = await taken(message)
        elif holding is not None:
            passed = await holding.overdue()
        for link, messages in ((target, passed.on), (source, passed.back)):
            for each in messages:
                try:
                    await link.give(each, patience)
                except (ConnectionClosed, Stalled):
                    return link


async def _received(source: Link, due: int | None) -> Message | None:
    """Gives the next message, None where none came until it was time for what is held."""
    if due is None:
        return await source.recv()
    try:
        async with asyncio.timeout(max(0.0, (due - monotonic_ns()) / 1e9)):
            return await source.recv()
    except TimeoutError:
        return None
