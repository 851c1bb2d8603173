"""A stream that is judged: what is passed on at once is judged once, in order, and never past who holds it."""

import asyncio
from pathlib import Path

import pytest

from gateway import Cut, Exchange, Hold, ToolCall, Window, hookimpl
from gateway.answers import Verdict
from gateway.pipeline import Sizes
from tests.builders.fake_client import FakeClient
from tests.builders.fake_transport import FakeTransport, a_stream, chat_events
from tests.builders.pipelines import Passages

STREAMED = b'{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
WORDS = ("one ", "two ", "three ", "four")


class Reads:
    """Lets all texts go, and remembers them."""

    def __init__(self) -> None:
        self.read: list[str] = []

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Verdict | None:
        self.read.append(window.text)
        return None


class ReadsSlowly:
    """The same, as a plugin that waits."""

    def __init__(self) -> None:
        self.read: list[str] = []

    @hookimpl
    async def watch(self, exchange: Exchange, window: Window) -> Verdict | None:
        await asyncio.sleep(0)
        self.read.append(window.text)
        return None


class WaitsForWords:
    """Holds each word until another one has come."""

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Verdict | None:
        return Hold() if window.text.count(" ") < 2 and not window.last else None


class CutsAt:
    """Ends the stream at a word."""

    def __init__(self, word: str) -> None:
        self.word = word

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Verdict | None:
        return Cut("said it", code="stopped_here") if self.word in window.text else None


async def relayed(folder: Path, *plugins: object) -> FakeClient:
    client = FakeClient(STREAMED)
    await Passages(folder, FakeTransport(a_stream(*chat_events(WORDS))), *plugins).carry(client)
    return client


async def test_each_text_is_read_once_and_all_bytes_come_as_they_were(tmp_path: Path) -> None:
    reads = Reads()
    client = await relayed(tmp_path, reads)
    assert reads.read == list(WORDS)
    assert client.sent == b"".join(chat_events(WORDS))


async def test_one_plugin_that_waits_among_others_is_waited_for(tmp_path: Path) -> None:
    reads, slowly = Reads(), ReadsSlowly()
    client = await relayed(tmp_path, reads, slowly)
    assert (reads.read, slowly.read) == (list(WORDS), list(WORDS))
    assert (client.sent, client.ending) == (b"".join(chat_events(WORDS)), "finished")


async def test_what_is_held_goes_out_later_and_in_order(tmp_path: Path) -> None:
    client = await relayed(tmp_path, WaitsForWords())
    assert (client.sent, client.ending) == (b"".join(chat_events(WORDS)), "finished")


async def test_what_is_held_goes_out_in_time_though_nothing_follows(tmp_path: Path) -> None:
    client, events, silence = FakeClient(STREAMED), chat_events(WORDS), asyncio.Event()
    sizes = Sizes(json_body=1 << 20, body=1 << 20, hold_ms=20)
    transport = FakeTransport(a_stream(events[0], silence, *events[1:]))
    passages = Passages(tmp_path, transport, WaitsForWords(), sizes=sizes)
    task = passages.begin(client)
    async with asyncio.timeout(20):
        while not client.pieces:  # noqa: ASYNC110 - what it waits for is a list
            await asyncio.sleep(0.01)
    assert client.pieces == events[:1]
    silence.set()
    await task
    assert client.sent == b"".join(events)


async def test_nothing_goes_out_from_a_cut_on(tmp_path: Path) -> None:
    client = await relayed(tmp_path, CutsAt("three"))
    before = b"".join(chat_events(WORDS[:2], done=False))
    assert client.sent.startswith(before)
    assert b"three" not in client.sent and b"stopped_here" in client.sent
    assert client.ending == "aborted"


async def test_nothing_more_is_written_to_a_client_that_does_not_read(tmp_path: Path) -> None:
    client, events = FakeClient(STREAMED), chat_events(WORDS)

    def stops_reading() -> None:
        client.paused = True

    reply = a_stream(events[0], stops_reading, *events[1:])
    passages = Passages(tmp_path, FakeTransport(reply), Reads())
    task = passages.begin(client)
    for _ in range(50):
        await asyncio.sleep(0)
    assert client.pieces == events[:1]
    client.readable.set()
    await task
    assert client.sent == b"".join(events)


class AllowsAll:
    """Has nothing against any call."""

    @hookimpl
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> None:
        return None


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
async def test_events_that_come_in_pieces_of_any_size_go_out_whole_and_in_order(tmp_path: Path, size: int) -> None:
    stream = b"".join(chat_events(WORDS * 20))
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    client = FakeClient(STREAMED)
    await Passages(tmp_path, FakeTransport(a_stream(*pieces)), AllowsAll()).carry(client)
    assert client.sent == stream
    assert all(piece.endswith(b"\n\n") for piece in client.pieces)
