import asyncio

import pytest

from gateway.transport import UpstreamBroken
from gateway.transport.reply import HIGH_WATER_BYTES, Reply


class FakeSource:
    """A connection that only remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def hold(self) -> None:
        self.told.append("hold")

    def go_on(self) -> None:
        self.told.append("go on")

    def drop(self) -> None:
        self.told.append("drop")


@pytest.fixture
async def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
async def reply(source: FakeSource) -> Reply:
    return Reply(asyncio.get_running_loop(), source, 200, b"OK", ())


async def test_pieces_are_given_one_by_one_as_they_came(reply: Reply) -> None:
    reply.put(b"one")
    reply.put(b"two")
    reply.end(b"three")
    assert [await reply.chunk() for _ in range(5)] == [b"one", b"two", b"three", b"", b""]


async def test_who_waits_takes_pieces_within_the_call_that_brings_them_and_is_woken_for_the_others(
    reply: Reply,
) -> None:
    taken: list[bytes] = []

    def take(piece: bytes) -> bool:
        if piece.startswith(b"not"):
            return False
        taken.append(piece)
        return True

    reading = asyncio.ensure_future(reply.chunk(take))
    await asyncio.sleep(0)
    reply.put(b"one")
    reply.put(b"two")
    assert taken == [b"one", b"two"]
    reply.put(b"not this")
    reply.put(b"behind what was not taken, nothing is")
    assert await reading == b"not this"
    assert await reply.chunk(take) == b"behind what was not taken, nothing is"
    reply.put(b"nobody waits")
    reply.end(b"last")
    assert [await reply.chunk(take) for _ in range(3)] == [b"nobody waits", b"last", b""]
    assert taken == [b"one", b"two"]


async def test_a_single_piece_is_read_without_a_copy(reply: Reply) -> None:
    piece = b"all of it" * 1000
    reply.end(piece)
    assert await reply.read(10_000) is piece


async def test_an_error_comes_after_the_pieces(reply: Reply) -> None:
    reply.put(b"one")
    reply.fail(UpstreamBroken("gone"))
    assert await reply.chunk() == b"one"
    for _ in range(2):
        with pytest.raises(UpstreamBroken, match="gone"):
            await reply.chunk()


async def test_the_source_is_held_above_the_high_mark_and_goes_on_below_the_low_one(
    reply: Reply, source: FakeSource
) -> None:
    piece = b"x" * (HIGH_WATER_BYTES // 4)
    for _ in range(4):
        reply.put(piece)
    assert source.told == []
    reply.put(piece)
    reply.put(piece)
    assert source.told == ["hold"]
    for _ in range(4):
        await reply.chunk()
    assert source.told == ["hold"]
    await reply.chunk()
    assert source.told == ["hold", "go on"]


@pytest.mark.parametrize("arrives", ["before the cancelling", "after it"])
async def test_a_wait_that_is_cancelled_loses_nothing(reply: Reply, arrives: str) -> None:
    waiting = asyncio.ensure_future(reply.chunk())
    await asyncio.sleep(0)
    if arrives == "before the cancelling":
        reply.put(b"piece")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    if arrives == "after it":
        reply.put(b"piece")
    assert await reply.chunk() == b"piece"


async def test_two_readers_at_once_are_a_mistake(reply: Reply) -> None:
    first = asyncio.ensure_future(reply.chunk())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one reader"):
        await reply.chunk()
    reply.end(b"")
    assert await first == b""


async def test_closing_before_the_end_drops_the_source_once_and_is_no_good_end(
    reply: Reply, source: FakeSource
) -> None:
    reply.put(b"one")
    reply.close()
    reply.close()
    assert source.told == ["drop"]
    with pytest.raises(UpstreamBroken):
        await reply.chunk()


async def test_closing_after_the_end_leaves_the_source_alone(reply: Reply, source: FakeSource) -> None:
    reply.end(b"all")
    assert await reply.chunk() == b"all"
    reply.close()
    assert source.told == []
    assert await reply.chunk() == b""


async def test_closing_with_pieces_unread_is_no_good_end(reply: Reply, source: FakeSource) -> None:
    reply.end(b"all")
    reply.close()
    assert source.told == []
    with pytest.raises(UpstreamBroken):
        await reply.chunk()
