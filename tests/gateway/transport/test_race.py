import asyncio
import socket

import pytest

from gateway.transport.race import HEAD_START_SECONDS, AddressInfo, first_to_answer, interleaved
from tests.builders.black_holes import black_hole, closed_port
from tests.builders.scripted_upstream import Link, scripted_upstream

SOON = 1.0


async def listening(link: Link) -> None:
    await link.hung_up()


def address(port: int) -> AddressInfo:
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


async def seconds_to_reach(port: int, *addresses: AddressInfo) -> float:
    loop = asyncio.get_running_loop()
    started = loop.time()
    with await asyncio.wait_for(first_to_answer(addresses), SOON) as connected:
        assert connected.getpeername()[1] == port
        return loop.time() - started


def test_families_take_turns_in_the_order_of_the_resolver() -> None:
    six = [(socket.AF_INET6, number) for number in range(3)]
    four = [(socket.AF_INET, number) for number in range(2)]
    assert interleaved([*six, *four]) == [six[0], four[0], six[1], four[1], six[2]]
    assert interleaved([*four, *six]) == [four[0], six[0], four[1], six[1], six[2]]


async def test_the_first_address_that_answers_is_taken() -> None:
    async with scripted_upstream(listening) as upstream, scripted_upstream(listening) as second:
        port = port_of(upstream.url)
        assert await seconds_to_reach(port, address(port), address(port_of(second.url))) < HEAD_START_SECONDS
        assert not second.links


async def test_an_address_that_swallows_packets_costs_a_head_start_only() -> None:
    async with scripted_upstream(listening) as upstream:
        port = port_of(upstream.url)
        with black_hole() as hole:
            waited = await seconds_to_reach(port, address(hole), address(port))
        assert HEAD_START_SECONDS <= waited < 2 * HEAD_START_SECONDS


async def test_an_address_that_refuses_costs_nothing() -> None:
    async with scripted_upstream(listening) as upstream:
        port = port_of(upstream.url)
        with closed_port() as closed:
            assert await seconds_to_reach(port, address(closed), address(port)) < HEAD_START_SECONDS


async def test_the_error_of_the_first_address_is_told_when_none_answers() -> None:
    with closed_port() as first, closed_port() as second, pytest.raises(ConnectionRefusedError):
        await first_to_answer([address(first), address(second)])


async def test_giving_up_leaves_no_attempt_behind() -> None:
    with black_hole() as hole:
        racing = asyncio.ensure_future(first_to_answer([address(hole), address(hole)]))
        await asyncio.sleep(HEAD_START_SECONDS * 1.2)
        racing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await racing
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
