"""A worker: ready when it listens at all of its addresses, and the operators' one answers in a crowd."""

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.commands.running import running
from gateway.settings import Loaded
from gateway.worker import Worker
from tests.builders.gateway import gateway_settings
from tests.builders.raw_client import raw_client

NOBODY = "http://127.0.0.1:9"
FILES = 512


def a_gateway(folder: Path) -> Gateway:
    return Gateway(Loaded(gateway_settings(NOBODY, str(folder)), None), "worker-0", {})


def listening(stack: ExitStack) -> socket.socket:
    return stack.enter_context(closing(socket.create_server(("127.0.0.1", 0))))


@contextmanager
def a_crowd() -> Iterator[None]:
    """Lets few files be open, and leaves clients no room among them."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, limits[1]))
    taken = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while taken[-1] < FILES // 2:
            taken.append(os.dup(taken[0]))
        yield
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_a_worker_that_cannot_listen_at_the_operators_address_never_says_that_it_has_started(
    tmp_path: Path,
) -> None:
    gateway, started = a_gateway(tmp_path), asyncio.Event()
    with ExitStack() as stack:
        listener, gone = listening(stack), socket.socket()
        gone.close()
        with pytest.raises(OSError, match="descriptor"):
            async with running(Worker(gateway, started.set, gone), listener, started):
                pass
        assert not started.is_set()
        await gateway.stop()


async def test_operators_are_answered_where_clients_have_no_room(tmp_path: Path) -> None:
    with ExitStack() as stack:
        listener, admin, started = listening(stack), listening(stack), asyncio.Event()
        stack.enter_context(a_crowd())
        worker = Worker(a_gateway(tmp_path), started.set, admin)
        async with running(worker, listener, started):
            replies = []
            for each in (listener, admin):
                async with raw_client(f"http://127.0.0.1:{each.getsockname()[1]}") as client:
                    replies.append(await client.ask(b"GET /docs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
            assert (replies[0].status, replies[0].error["code"]) == (503, "overloaded")
            assert replies[1].status == 404
