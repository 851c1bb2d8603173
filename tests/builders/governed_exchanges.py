"""Exchanges with one answer each, through one pipeline that governs tools as it is shipped."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from gateway import Exchange
from gateway.exchange import Headers
from tests.builders.fake_client import FakeClient
from tests.builders.fake_transport import EVENTS, JSON, FakeReply, FakeTransport
from tests.builders.governing import governing
from tests.builders.pipelines import Passages


class GovernedExchanges:
    """Carries requests, one after the other; `rules` are the `tools.yaml` that holds, absent the shipped one."""

    def __init__(self, folder: Path, rules: str | None = None) -> None:
        self._runner = asyncio.Runner()
        self._transport = FakeTransport()
        plugin = governing() if rules is None else governing(folder, rules)
        self._passages = Passages(folder, self._transport, plugin)

    def close(self) -> None:
        """Lets go of the files."""
        self._passages.close()
        self._runner.close()

    def asked(
        self, target: bytes, body: Any, *pieces: bytes, streamed: bool = False, headers: Headers = ()
    ) -> FakeClient:
        """Asks by POST, or without a body by GET, and is answered with these pieces."""
        self._transport.answer(FakeReply(*pieces, headers=(*(EVENTS if streamed else JSON), *headers)))
        sent = None if body is None else msgspec.json.encode(body)
        client = FakeClient(sent, target, b"GET" if body is None else b"POST")
        self._runner.run(self._passages.carry(client))
        return client

    def read(self, target: bytes, reply: Any) -> FakeClient:
        """Reads what was stored."""
        return self.asked(target, None, msgspec.json.encode(reply))

    @property
    def last(self) -> Exchange:
        """The exchange that ended last."""
        return self._passages.seen.ended[-1]

    @property
    def blocked(self) -> list[str]:
        """The tools whose calls were blocked in it."""
        return [use.name for use in self.last.tools]

    @property
    def asked_upstream(self) -> int:
        """How often the upstream was asked in all."""
        return len(self._transport.requests)


def cut(stream: bytes, places: list[int] | None) -> list[bytes]:
    """Gives a stream in pieces: cut at these places, or after every byte."""
    ends = range(1, len(stream)) if places is None else sorted({at for at in places if 0 < at < len(stream)})
    return [stream[begin:end] for begin, end in zip((0, *ends), (*ends, len(stream)), strict=True)]
