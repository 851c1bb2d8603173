"""Puts a gateway between the test and an upstream that follows a script."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.builders.gateway import RunningGateway, running_gateway
from tests.builders.raw_client import RawReply, raw_client
from tests.builders.scripted_upstream import Link, ReceivedRequest, Script, ScriptedUpstream, reply, scripted_upstream

OK = reply(b"{}", b"Content-Type: application/json")


@dataclass(frozen=True, slots=True)
class Stage:
    """A running gateway and the upstream behind it."""

    gateway: RunningGateway
    upstream: ScriptedUpstream

    @property
    def url(self) -> str:
        return self.gateway.url

    async def ask(self, request: bytes, method: bytes = b"GET") -> RawReply:
        """Sends one request on a connection of its own, and waits for the reply."""
        async with raw_client(self.url) as client:
            return await client.ask(request, method)

    async def record(self, audit_id: str) -> dict[str, Any]:
        """The `ended` line of an exchange; waits for it, and fails where there are two."""
        return await asyncio.to_thread(self.gateway.record_of, audit_id)

    async def records(self, count: int = 1) -> list[dict[str, Any]]:
        """The `ended` lines; waits until there are `count`."""
        return await asyncio.to_thread(self.gateway.records, count)


@asynccontextmanager
async def staged(script: Script, *, prefix: str = "/v1", **sections: Any) -> AsyncIterator[Stage]:
    """Runs `script` as the upstream and a gateway before it; `sections` are those of the settings file.

    `prefix` is the path in the upstream's address. The gateway starts and stops beside the test's loop, so that
    the upstream goes on meanwhile.
    """
    async with scripted_upstream(script) as upstream:
        sections["upstream"] = {"url": f"{upstream.url}{prefix}", **sections.get("upstream", {})}
        running = running_gateway(upstream.url, **sections)
        gateway = await asyncio.to_thread(running.__enter__)
        try:
            yield Stage(gateway, upstream)
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)


class Recording:
    """A script that answers each request with the same bytes, and keeps the requests.

    With `pieces` the next answer is sent piece by piece, each by itself.
    """

    def __init__(self, answer: bytes = OK) -> None:
        self.answer = answer
        self.pieces: tuple[bytes, ...] = ()
        self.requests: list[ReceivedRequest] = []

    async def __call__(self, link: Link) -> None:
        while True:
            self.requests.append(await link.request())
            pieces, self.pieces = self.pieces or (self.answer,), ()
            for piece in pieces:
                await link.send(piece)
                await asyncio.sleep(0.002 if len(pieces) > 1 else 0)

    @property
    def last(self) -> ReceivedRequest:
        return self.requests[-1]


@dataclass(frozen=True, slots=True)
class RecordingStage(Stage):
    """A stage for all tests of a file: each says what the upstream answers, and looks at what came there."""

    script: Recording

    async def answered(self, answer: bytes, request: bytes, method: bytes = b"GET") -> RawReply:
        """Gives the reply at the client for what the upstream answers."""
        self.script.answer = answer
        return await self.ask(request, method)

    async def sent(self, request: bytes, method: bytes = b"GET") -> ReceivedRequest:
        """Gives a request as it came to the upstream, which answers with 200."""
        count = len(self.script.requests)
        came = await self.answered(OK, request, method)
        assert came.status == 200, came
        (received,) = self.script.requests[count:]
        return received


@asynccontextmanager
async def recording_stage(**sections: Any) -> AsyncIterator[RecordingStage]:
    """Runs a gateway before a `Recording` upstream."""
    script = Recording()
    async with staged(script, **sections) as stage:
        yield RecordingStage(stage.gateway, stage.upstream, script)


def headers_of(request: ReceivedRequest) -> list[tuple[bytes, bytes]]:
    """The headers of a request as they came over the wire."""
    lines = request.head[:-4].split(b"\r\n")[1:]
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
