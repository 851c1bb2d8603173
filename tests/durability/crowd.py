"""Clients that ask one thing after the other: for whole answers, for streams, and some who leave in the middle."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from random import Random
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from tests.builders.raw_client import RawClient, a_request, raw_client
from tests.durability.remembering import DONE

Habit: TypeAlias = Literal["plain", "streamed", "leaving", "hasty"]
Fate: TypeAlias = Literal["whole", "left", "broken"]
HABITS: tuple[Habit, ...] = (*("plain",) * 5, *("streamed",) * 8, *("leaving",) * 2, "hasty")
PATIENCE = 15.0
LONGEST_PAUSE = 0.02
AGAIN = 0.05


class Told(NamedTuple):
    """How an exchange looked to its client: `whole` is a reply to its last byte. `model` is its own alone."""

    model: str
    fate: Fate
    audit_id: str | None = None


class Crowd:
    """The clients of one gateway; `told` is what became of each request that they sent."""

    def __init__(self, url: str, names: str, chance: Random) -> None:
        self.told: list[Told] = []
        self._url = url
        self._names = names
        self._count = 0
        self._chance = chance
        self._over = False

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Lets them ask during the `with`; at its end each has seen the end of what it asked last."""
        async with asyncio.TaskGroup() as clients:
            for habit in HABITS:
                clients.create_task(self._client(habit))
            try:
                yield
            finally:
                self._over = True

    async def _client(self, habit: Habit) -> None:
        while not self._over:
            try:
                async with raw_client(self._url) as client:
                    await self._visit(client, habit)
            except ConnectionError:
                await asyncio.sleep(AGAIN)

    async def _visit(self, client: RawClient, habit: Habit) -> None:
        """Asks on one connection: who wants plain answers keeps it, the others come anew for each."""
        again = True
        while again and not self._over:
            self._count += 1
            told = await asked(client, f"{self._names}-{self._count}", habit)
            self.told.append(told)
            again = habit == "plain" and told.fate == "whole"
            await asyncio.sleep(self._chance.random() * LONGEST_PAUSE)


async def asked(client: RawClient, model: str, habit: Habit) -> Told:
    """Asks once, and sees what becomes of it."""
    audit_id: str | None = None
    body = b""
    streamed = habit != "plain"
    question = {"model": model, "stream": streamed, "messages": [{"role": "user", "content": "Well?"}]}
    try:
        async with asyncio.timeout(PATIENCE):
            await client.send(a_request(body=msgspec.json.encode(question)))
            if habit == "hasty":
                return Told(model, "left")
            head = await client.head()
            audit_id = head.audit_id
            async with aclosing(client.pieces(head)) as pieces:
                async for piece in pieces:
                    body += piece
                    if habit == "leaving":
                        return Told(model, "left", audit_id)
    except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
        return Told(model, "broken", audit_id)
    whole = not streamed or head.status != 200 or body.endswith(DONE)
    return Told(model, "whole" if whole else "broken", audit_id)
