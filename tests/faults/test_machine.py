"""A machine that runs out of something, or stops: what is held is answered, what comes is told, nothing forgotten."""

import asyncio
import resource
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from tests.builders.descriptors import no_descriptors_left
from tests.builders.raw_client import RawClient, RawReply, a_request, raw_client
from tests.builders.served import Served, eventually, lukhas, served

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux bounds another process")
FILES = 160
# In a shell of its own, since a limit holds for all that comes behind it.
FEW_FILES = ("sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh")
MEGABYTE = 1 << 20
DONE = b"data: [DONE]\n\n"


def question(prompt: str, *, stream: bool = False) -> bytes:
    messages = [{"role": "user", "content": prompt}]
    return a_request(body=msgspec.json.encode({"model": "gpt-4o-mini", "stream": stream, "messages": messages}))


QUESTION = question("Well?")
LONG_STREAM = question("!chunks 20 pace=50", stream=True)
LONGER_STREAM = question("!chunks 30 pace=100", stream=True)
ENDLESS_STREAM = question("!chunks 5000 pace=400", stream=True)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway that survives what tests do to it."""
    with served(tmp_path_factory.mktemp("lasting"), "--simulate") as running:
        yield running


def outcomes(running: Served) -> "Counter[str]":
    return Counter(line["outcome"] for line in running.ended())


async def asked(running: Served, request: bytes) -> RawReply:
    async with raw_client(running.url) as client:
        return await client.ask(request)


async def held_streams(running: Served, count: int, request: bytes = LONG_STREAM) -> "list[asyncio.Task[RawReply]]":
    """Streams of a second, of which each has begun."""
    before = open_exchanges(running)
    tasks = [asyncio.ensure_future(asked(running, request)) for _ in range(count)]
    async with asyncio.timeout(10):
        while open_exchanges(running) < before + count:  # noqa: ASYNC110 - the journal tells nobody
            await asyncio.sleep(0.02)
    return tasks


def open_exchanges(running: Served) -> int:
    """How many exchanges have their first line in the journal, and not their last."""
    events = Counter(
        msgspec.json.decode(line)["event"]
        for path in (running.data / "journal").glob("worker-*/*.jsonl")
        for line in path.read_bytes().splitlines(keepends=True)
        if line.endswith(b"\n")
    )
    return events["began"] - events["ended"]


async def are_whole(streams: "list[asyncio.Task[RawReply]]") -> bool:
    return all(came.status == 200 and came.body.endswith(DONE) for came in await asyncio.gather(*streams))


async def is_served_again(running: Served) -> None:
    async with asyncio.timeout(10):
        while True:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                if (await asked(running, QUESTION)).status == 200:
                    return
            await asyncio.sleep(0.05)


def is_intact(running: Served) -> bool:
    return lukhas("audit", "verify", "--data", "data", cwd=running.folder).returncode == 0


async def test_connections_beyond_the_open_files_are_told_and_health_is_answered(tmp_path: Path) -> None:
    with served(tmp_path, "--simulate", through=FEW_FILES) as running:
        assert f"The system allows {FILES} open files" in running.complaints
        async with AsyncExitStack() as crowd:
            streams = await held_streams(running, 3)
            silent = [await crowd.enter_async_context(raw_client(running.url)) for _ in range(FILES // 2)]
            refused = await asked(running, QUESTION)
            assert (refused.status, refused.error["code"], refused.value(b"retry-after")) == (503, "overloaded", b"1")
            health = await asked(running, a_request(b"GET /readyz", key=None))
            assert (health.status, msgspec.json.decode(health.body)["status"]) == (200, "ready")
            # Whoever came in time is served.
            assert (await silent[0].ask(QUESTION)).status == 200
            assert await are_whole(streams)
        await is_served_again(running)


async def test_without_a_descriptor_what_is_held_goes_on_and_who_comes_waits_for_one(lasting: Served) -> None:
    (worker,) = lasting.pids("worker")
    before = outcomes(lasting)
    async with raw_client(lasting.url) as first:
        # Long enough that none of their connections to the upstream is free meanwhile.
        streams = await held_streams(lasting, 5, LONGER_STREAM)
        with no_descriptors_left(worker):
            waiting = asyncio.ensure_future(asked(lasting, QUESTION))
            # It has its connection, and none to the upstream can be made for it.
            reply = await first.ask(QUESTION)
            assert (reply.status, reply.error["code"]) == (502, "upstream_unreachable")
            assert not waiting.done()
        assert await are_whole(streams)
        assert (await waiting).status == 200
        assert (await first.ask(QUESTION)).status == 200
    assert lasting.pids("worker") == [worker]
    assert outcomes(lasting) - before == Counter(answered=7, upstream_error=1)
    assert is_intact(lasting)


@contextmanager
def little_memory(pid: int, more: int) -> Iterator[None]:
    """Lets a process have so many bytes more than it has, and none beyond."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
    (line,) = [each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmData")]
    resource.prlimit(pid, resource.RLIMIT_DATA, ((int(line.split()[1]) << 10) + more, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_DATA, (soft, hard))


async def test_a_request_for_which_there_is_no_memory_is_refused_and_the_worker_lives(lasting: Served) -> None:
    large = question("a" * (40 * MEGABYTE))
    (worker,) = lasting.pids("worker")
    before, said = outcomes(lasting), lasting.complaints
    streams = await held_streams(lasting, 5)
    with little_memory(worker, 30 * MEGABYTE):
        came = await asyncio.gather(*(asked(lasting, large) for _ in range(3)))
        assert {(each.status, each.error["code"], each.value(b"retry-after")) for each in came} == {
            (503, "overloaded", b"1")
        }
        assert (await asked(lasting, QUESTION)).status == 200
        assert await are_whole(streams)
    assert (await asked(lasting, large)).status == 200
    assert lasting.pids("worker") == [worker]
    assert outcomes(lasting) - before == Counter(answered=7, failed=3)
    assert "Traceback" not in lasting.complaints.removeprefix(said)


async def test_a_stop_amid_two_hundred_streams_lets_them_end_in_time_and_records_the_rest(tmp_path: Path) -> None:
    settings = "server: {drain_timeout: 3}\nplugins: {log: {to: nowhere}}\n"
    with served(tmp_path, "--simulate", settings=settings) as running:
        async with AsyncExitStack() as crowd:
            endless = [await stream_of(running, ENDLESS_STREAM, crowd) for _ in range(100)]
            streams = await held_streams(running, 100)
            running.process.send_signal(signal.SIGTERM)
            assert await are_whole(streams)
            assert all(await asyncio.gather(*(breaks_off(client) for client in endless)))
        eventually(lambda: running.process.poll() is not None, 15)
        assert running.process.returncode == 0
        ended = running.ended()
        assert Counter(line["outcome"] for line in ended) == Counter(answered=100, stopped=100)
        assert len({line["audit_id"] for line in ended}) == 200
    assert is_intact(running)


async def stream_of(running: Served, request: bytes, crowd: AsyncExitStack) -> RawClient:
    client = await crowd.enter_async_context(raw_client(running.url))
    await client.send(request)
    head = await client.head()
    assert head.status == 200
    await client.piece(head)
    return client


async def breaks_off(client: RawClient) -> bool:
    """Whether a stream ends without the end of its framing."""
    async with asyncio.timeout(20):
        rest = b""
        with suppress(ConnectionError):
            while data := await client.reader.read(1 << 16):
                rest += data
    return not rest.endswith(b"0\r\n\r\n") and DONE not in rest
