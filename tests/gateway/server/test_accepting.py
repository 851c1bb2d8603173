"""New connections: many in a turn of the loop, none lost for want of descriptors, none after the end."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import cast

import pytest

from gateway.server.accepting import PAUSE_SECONDS, Acceptor
from tests.builders.descriptors import no_descriptors_left

COMING = 64


class Greets(asyncio.Protocol):
    """Says at once that somebody is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = transport.get_extra_info("socket")
        quick = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writing = cast(asyncio.Transport, transport)  # uvloop's transports are no subclasses of it
        writing.write(b"quick" if quick else b"slow")
        writing.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0), backlog=256)) as listener:
        yield listener


def connected(listener: socket.socket, stack: ExitStack) -> socket.socket:
    client = stack.enter_context(socket.create_connection(listener.getsockname()))
    client.setblocking(False)
    return client


async def greeting(client: socket.socket) -> bytes:
    async with asyncio.timeout(5):
        return await asyncio.get_running_loop().sock_recv(client, 10)


async def test_who_comes_with_many_does_not_wait_a_turn_for_each(listener: socket.socket) -> None:
    with ExitStack() as stack:
        clients = [connected(listener, stack) for _ in range(COMING)]
        acceptor = Acceptor(listener, Greets)
        last = asyncio.ensure_future(greeting(clients[-1]))
        turns = 0
        while not last.done():
            time.sleep(0.001)  # noqa: ASYNC251 - a turn in which others are answered
            await asyncio.sleep(0)
            turns += 1
        assert turns < COMING // 4
        assert {await last, *[await greeting(client) for client in clients[:-1]]} == {b"quick"}
        acceptor.close()


async def test_who_comes_when_no_descriptor_is_left_waits_for_one(listener: socket.socket) -> None:
    with ExitStack() as stack:
        acceptor = Acceptor(listener, Greets)
        client = connected(listener, stack)
        with no_descriptors_left():
            began = time.process_time()
            await asyncio.sleep(0.3)
            assert time.process_time() - began < 0.1, "it does not try over and over"
        assert await greeting(client) == b"quick"
        acceptor.close()


async def test_that_no_descriptor_is_left_is_said_once_until_all_who_waited_are_taken(
    listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack:
        acceptor = Acceptor(listener, Greets)
        for shortage in (1, 2):
            client = connected(listener, stack)
            with no_descriptors_left():
                await asyncio.sleep(3 * PAUSE_SECONDS)
            assert await greeting(client) == b"quick"
            assert len(caplog.records) == shortage
        acceptor.close()


async def test_who_cannot_be_given_a_protocol_is_let_go_at_once_and_the_next_one_is_taken(
    listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    errors: list[Exception] = [MemoryError(), MemoryError(), ValueError("of ours")]

    def made() -> asyncio.Protocol:
        if errors:
            raise errors.pop(0)
        return Greets()

    with ExitStack() as stack:
        acceptor = Acceptor(listener, made)
        clients = [connected(listener, stack) for _ in range(4)]
        assert [await greeting(client) for client in clients] == [b"", b"", b"", b"quick"]
        assert [(each.name, each.levelname) for each in caplog.records] == [
            ("gateway.server.accepting", "WARNING"),
            ("gateway.server.accepting", "ERROR"),
        ]
        acceptor.close()


@pytest.mark.parametrize("turns", [0, 1])
async def test_who_is_being_taken_when_all_is_cancelled_is_let_go(listener: socket.socket, turns: int) -> None:
    with ExitStack() as stack:
        acceptor = Acceptor(listener, asyncio.Protocol)
        client = connected(listener, stack)
        while not (taking := asyncio.all_tasks() - {asyncio.current_task()}):  # noqa: ASYNC110 - the loop tells nobody
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in taking:
            task.cancel()
        await acceptor.wait_closed()
        assert await greeting(client) == b""
        acceptor.close()


async def test_nobody_is_taken_after_the_end(listener: socket.socket) -> None:
    with ExitStack() as stack:
        acceptor = Acceptor(listener, Greets)
        acceptor.close()
        await acceptor.wait_closed()
        client = connected(listener, stack)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await asyncio.get_running_loop().sock_recv(client, 10)


async def test_it_can_end_while_it_waits_for_descriptors(listener: socket.socket) -> None:
    with ExitStack() as stack:
        acceptor = Acceptor(listener, Greets)
        client = connected(listener, stack)
        with no_descriptors_left():
            await asyncio.sleep(0.05)
            acceptor.close()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await asyncio.get_running_loop().sock_recv(client, 10)
