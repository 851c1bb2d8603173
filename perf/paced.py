"""Sends requests at fixed moments, whatever became of those before, and says how long each took.

    seconds = await paced("127.0.0.1", port, PLAIN, a_second=50, seconds=10)

Whoever asks again only when the answer is there does not see how long all those waited who came meanwhile.
"""

import asyncio
from time import perf_counter
from typing import cast

import httptools

from perf.load import Question, wire

PATIENCE = 30.0


class Unanswered(Exception):
    """A reply did not come, or was not the upstream's."""


class Connection(asyncio.Protocol):
    """One connection, with one request at a time on it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclasses of it

    def connection_lost(self, error: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(Unanswered(f"the connection ended ({error or 'closed by the server'})"))

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_result((self.parser.get_status_code(), b"".join(self.pieces)))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Gives status and body of the reply. Errors: Unanswered."""
        self.pieces.clear()
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answer


async def paced(
    port: int, question: Question, *, a_second: float, seconds: float, credential: str = "sk-bench"
) -> list[float]:
    """Gives the seconds of each request, from its sending to the last byte of its reply. Errors: Unanswered."""
    loop = asyncio.get_running_loop()
    request = wire(port, question, credential)
    idle: list[Connection] = []

    async def one() -> float:
        connection = idle.pop() if idle else (await loop.create_connection(Connection, "127.0.0.1", port))[1]
        # The clock of the loop counts in milliseconds.
        sent = perf_counter()
        status, body = await connection.ask(request)
        took = perf_counter() - sent
        if (status, body) != (200, question.answer):
            raise Unanswered(f"status {status}, {len(body)} bytes: {body[:200].decode(errors='replace')}")
        idle.append(connection)
        return took

    asked: list[asyncio.Task[float]] = []
    try:
        async with asyncio.timeout(seconds + PATIENCE), asyncio.TaskGroup() as group:
            begun = perf_counter()
            for number in range(int(a_second * seconds)):
                await asyncio.sleep(begun + number / a_second - perf_counter())
                asked.append(group.create_task(one()))
    finally:
        for connection in idle:
            connection.transport.close()
    return [task.result() for task in asked]
