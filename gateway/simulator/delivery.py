"""Sends a reply at its pace and notices when the client leaves."""

import asyncio
from collections.abc import Iterator

from gateway.simulator.asgi import Headers, Receive, Send
from gateway.simulator.replies import Event, Pacing, Reply, Whole

# A stream without a pace would keep the loop for itself: it makes room after so many pieces.
BREATH = 16


async def deliver(reply: Reply, headers: Headers, receive: Receive, send: Send) -> bool:
    """Send the reply; False if the client left before its end."""
    if isinstance(reply, Whole):
        if reply.pacing.delay_ms and await _left_within(receive, reply.pacing.delay_ms):
            return False
        await _send_whole(reply, headers, send)
        return True
    departure = asyncio.ensure_future(_departure(receive))
    try:
        if await _gone(departure, reply.pacing.delay_ms):
            return False
        length = () if reply.length is None else ((b"content-length", b"%d" % reply.length),)
        start = ((b"content-type", reply.content_type), *length, *headers, *reply.headers)
        await send({"type": "http.response.start", "status": 200, "headers": start})
        return await _send_pieces(reply.events, reply.pacing, departure, send)
    finally:
        departure.cancel()


async def _send_whole(reply: Whole, headers: Headers, send: Send) -> None:
    length = b"%d" % len(reply.body)
    start = ((b"content-type", reply.content_type), (b"content-length", length), *headers, *reply.headers)
    await send({"type": "http.response.start", "status": reply.status, "headers": start})
    if reply.pacing.cut is None:
        await send({"type": "http.response.body", "body": reply.body})
    else:
        half = reply.body[: len(reply.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


async def _send_pieces(events: Iterator[Event], pacing: Pacing, departure: asyncio.Future[None], send: Send) -> bool:
    """Send the pieces; returning before the last `more_body` makes the server break the connection."""
    counted = 0
    for position, event in enumerate(events):
        if event.counted:
            if counted == pacing.cut:
                return True
            if counted and pacing.pace_ms and await _gone(departure, pacing.pace_ms):
                return False
            counted += 1
        await send({"type": "http.response.body", "body": event.data, "more_body": True})
        if position % BREATH == 0:
            await asyncio.sleep(0)
        if departure.done():
            return False
    if pacing.cut is None:
        await send({"type": "http.response.body", "body": b""})
    return True


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _gone(departure: asyncio.Future[None], milliseconds: int) -> bool:
    if milliseconds:
        await asyncio.wait({departure}, timeout=milliseconds / 1000)
    return departure.done()


async def _left_within(receive: Receive, milliseconds: int) -> bool:
    departure = asyncio.ensure_future(_departure(receive))
    try:
        return await _gone(departure, milliseconds)
    finally:
        departure.cancel()
