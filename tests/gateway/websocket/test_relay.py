"""Messages through the gateway, and every way in which a websocket ends."""

import asyncio
import os
import socket
import time

import pytest
from websockets.exceptions import ConnectionClosed

from tests.builders.raw_client import raw_client
from tests.builders.scripted_upstream import scripted_upstream
from tests.builders.websocket_stage import (
    audit_id_of,
    close_of,
    echo,
    frame,
    handshake,
    listen,
    websocket_stage,
)

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
CONTINUATION = 0
SOON = 1.0
MORE_THAN_SOCKETS_HOLD = 14_000_000


def closing(*code_and_reason):
    """A session that says one thing and closes."""

    async def session(connection):
        await connection.send("last words")
        await connection.close(*code_and_reason)

    return session


async def breaking(connection):
    """A session that breaks off without a close frame."""
    await connection.send("last words")
    await asyncio.sleep(0.05)
    connection.transport.abort()


def stop_reading(connection):
    """Reads no more, and keeps the kernel from taking megabytes meanwhile."""
    connection.transport.pause_reading()
    connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)


# Messages.


@pytest.mark.parametrize("message", ["", "zwölf ✓ \U0001f600", '{"a": 1e-7,  "a": "\\u0000"}', b"", bytes(range(256))])
async def test_text_stays_text_and_binary_stays_binary(message):
    async with websocket_stage(echo) as stage, stage.connect() as connection:
        await connection.send(message)
        answer = await connection.recv()
        assert (type(answer), answer) == (type(message), message)


async def test_messages_keep_their_order():
    async with websocket_stage(echo) as stage, stage.connect() as connection:
        for number in range(500):
            await connection.send(str(number))
        assert [await connection.recv() for _ in range(500)] == [str(number) for number in range(500)]


async def test_fragments_arrive_as_one_message():
    async with websocket_stage(echo) as stage, stage.connect() as connection:
        await connection.send(["zw", "öl", "f"])
        assert await connection.recv() == "zwölf"


async def test_messages_of_three_megabytes_pass_both_ways():
    data, text = os.urandom(3_000_000), "é" * 1_500_000
    async with websocket_stage(echo) as stage, stage.connect() as connection:
        await connection.send(data)
        assert await connection.recv() == data
        await connection.send(text)
        assert await connection.recv() == text


async def test_each_message_goes_out_before_the_next_one_comes():
    async def session(connection):
        for word in ("one", "two"):
            await connection.send(word)
            await connection.recv()

    async with websocket_stage(session) as stage, stage.connect() as connection:
        for word in ("one", "two"):
            assert await asyncio.wait_for(connection.recv(), SOON) == word
            await connection.send("go on")


async def test_pings_of_a_client_are_answered():
    async with websocket_stage(listen) as stage, stage.connect() as connection:
        await asyncio.wait_for(await connection.ping("here"), SOON)


HOLDS = """
from gateway import *

class Holds:
    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Hold:
        return Hold()
"""


async def test_what_a_plugin_holds_goes_out_in_time_though_nothing_follows(tmp_path):
    (tmp_path / "holds.py").write_text(HOLDS)
    said = '{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"one"}'

    async def session(connection):
        await connection.recv()
        await connection.send(said)
        await connection.wait_closed()

    async with (
        websocket_stage(session, chain=["default", str(tmp_path / "holds.py")]) as stage,
        stage.connect("/v1/responses") as connection,
    ):
        began = time.monotonic()
        await connection.send('{"type":"response.create","model":"gpt-4.1","input":"Hello"}')
        assert await asyncio.wait_for(connection.recv(), 5) == said
        assert time.monotonic() - began > 0.9


# Bounds.


async def test_a_message_over_the_limit_is_1009_on_either_side():
    async def session(connection):
        await connection.send(await connection.recv() * 300)
        await connection.wait_closed()

    async with websocket_stage(session, server={"max_message_bytes": "200 KiB"}) as stage:
        async with stage.connect() as connection:
            await connection.send(b"x" * 300_000)
            assert (await close_of(connection))[0] == 1009
        assert (await stage.record(audit_id_of(connection)))["outcome"] == "client_gone"
        async with stage.connect() as connection:
            await connection.send(b"x" * 1000)
            assert (await close_of(connection))[0] == 1009
        assert (await stage.record(audit_id_of(connection)))["outcome"] == "cut"


async def test_a_client_that_does_not_read_holds_the_upstream_back():
    sent = 0

    async def session(connection):
        nonlocal sent
        while True:
            await connection.send(bytes(100_000))
            sent += 100_000

    async with websocket_stage(session) as stage, raw_client(stage.gateway.url) as client:
        await client.send(handshake())
        client.writer.transport.pause_reading()
        await asyncio.sleep(1)
        held = sent
        await asyncio.sleep(0.5)
        # Sockets and buffers take some megabytes; what counts is that it ends.
        assert 0 < held == sent < 40_000_000


async def test_an_upstream_that_does_not_read_holds_the_client_back():
    accepted, over = asyncio.Event(), asyncio.Event()

    async def session(connection):
        stop_reading(connection)
        accepted.set()
        await over.wait()
        connection.transport.abort()

    sent = 0

    async def talk(connection):
        nonlocal sent
        while True:
            await connection.send(bytes(100_000))
            sent += 100_000

    async with websocket_stage(session) as stage, stage.connect(close_timeout=0.1) as connection:
        await accepted.wait()
        talking = asyncio.ensure_future(talk(connection))
        await asyncio.sleep(1)
        held = sent
        await asyncio.sleep(0.5)
        talking.cancel()
        over.set()
        assert 0 < held == sent < 40_000_000
        # The goodbye is heard, though much that was said before it will never be read.
        await asyncio.wait_for(connection.wait_closed(), 3)


async def test_a_client_that_never_reads_again_is_let_go():
    async def session(connection):
        while True:
            await connection.send(bytes(1_000_000))

    async with (
        websocket_stage(session, server={"write_timeout": 0.3}) as stage,
        raw_client(stage.gateway.url) as client,
    ):
        await client.send(handshake())
        client.writer.transport.pause_reading()
        (record,) = await stage.records()
        assert (record["outcome"], record["error"]) == ("client_gone", "the client stopped reading")


async def test_a_client_that_reads_slowly_is_not_let_go():
    async def session(connection):
        await connection.send(bytes(MORE_THAN_SOCKETS_HOLD))
        await connection.send("done")
        await connection.wait_closed()

    async with (
        websocket_stage(session, server={"write_timeout": 0.8}) as stage,
        raw_client(stage.gateway.url) as client,
    ):
        client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
        await client.send(handshake())
        got, began = 0, time.monotonic()
        while got < MORE_THAN_SOCKETS_HOLD:
            got += len(await client.reader.read(500_000))
            await asyncio.sleep(0.1)
        assert time.monotonic() - began > 2 * 0.8
        assert await asyncio.wait_for(client.reader.readuntil(b"done"), SOON)


async def test_pings_whose_answers_nobody_reads_do_not_pile_up():
    async with websocket_stage(listen, server={"max_message_bytes": "64 KiB"}) as stage:
        async with raw_client(stage.gateway.url) as client:
            await client.ask(handshake())
            client.writer.transport.pause_reading()
            with pytest.raises(ConnectionError):
                for _ in range(1000):
                    await client.send(frame(PING, bytes(125)) * 1000)
        (record,) = await stage.records()
        assert record["outcome"] == "client_gone"


async def test_endless_fragments_are_1009():
    async with websocket_stage(listen) as stage, raw_client(stage.gateway.url) as client:
        await client.ask(handshake())
        await client.send(frame(TEXT, b"x", fin=False) + frame(CONTINUATION, fin=False) * 20_000)
        assert b"\x03\xf1" in await client.rest()
        (record,) = await stage.records()
        assert record["error"] == "the client broke the protocol: 1009"


# Endings.


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1000, "done"), (1001, "bye"), (4001, "tired of it")])
async def test_a_close_of_the_client_reaches_the_upstream(code, reason):
    heard = asyncio.Queue()

    async def session(connection):
        await heard.put(await connection.recv())
        await heard.put(await close_of(connection))

    async with websocket_stage(session) as stage:
        async with stage.connect() as connection:
            await connection.send("before")
            await connection.close(code, reason)
        assert [await heard.get(), await heard.get()] == ["before", (code, reason)]
        record = await stage.record(audit_id_of(connection))
        assert record["outcome"] == ("client_gone" if code == 1001 else "answered")


@pytest.mark.parametrize(
    ("code", "reason", "outcome"),
    [
        (1000, "", "answered"),
        (1011, "oops", "cut"),
        (1012, "", "cut"),
        (3000, "x", "answered"),
        (4001, "y", "answered"),
    ],
)
async def test_a_close_of_the_upstream_reaches_the_client(code, reason, outcome):
    async with websocket_stage(closing(code, reason)) as stage:
        async with stage.connect() as connection:
            assert await connection.recv() == "last words"
            assert await close_of(connection) == (code, reason)
        assert (await stage.record(audit_id_of(connection)))["outcome"] == outcome


async def test_an_empty_close_frame_stays_empty_both_ways():
    heard = asyncio.Queue()

    async def session(connection):
        await heard.put(await close_of(connection))

    async with websocket_stage(session) as stage, raw_client(stage.gateway.url) as client:
        await client.ask(handshake())
        await client.send(frame(CLOSE))
        assert await client.rest() == b"\x88\x00"
        assert await heard.get() == (1005, "")

    async with websocket_stage(closing(None)) as stage, raw_client(stage.gateway.url) as client:
        await client.ask(handshake())
        assert await client.reader.readexactly(14) == b"\x81\x0alast words\x88\x00"
        await client.send(frame(CLOSE))
        await client.rest()
        (record,) = await stage.records()
        assert record["outcome"] == "answered"


async def test_what_the_client_said_before_its_close_reaches_an_upstream_that_is_slow():
    heard = asyncio.Queue()
    closed = asyncio.Event()

    async def session(connection):
        stop_reading(connection)
        await closed.wait()
        connection.transport.resume_reading()
        for _ in range(2):
            await heard.put(len(await connection.recv()))
        await heard.put((await close_of(connection))[0])

    async with websocket_stage(session) as stage, stage.connect() as connection:
        for size in (MORE_THAN_SOCKETS_HOLD, 1):
            await connection.send(bytes(size))
        await connection.close(4002)
        await asyncio.sleep(0.2)
        closed.set()
        said = [await asyncio.wait_for(heard.get(), 5) for _ in range(3)]
        assert said == [MORE_THAN_SOCKETS_HOLD, 1, 4002]


async def test_what_the_upstream_said_before_its_close_reaches_a_client_that_is_slow():
    async def session(connection):
        for size in (MORE_THAN_SOCKETS_HOLD, 1):
            await connection.send(bytes(size))
        await connection.close(4002, "that was all")

    async with websocket_stage(session) as stage, stage.connect() as connection:
        stop_reading(connection)
        await asyncio.wait_for(stage.last.wait_closed(), 5)
        await connection.send("Still there?")
        await asyncio.sleep(0.2)
        connection.transport.resume_reading()
        for size in (MORE_THAN_SOCKETS_HOLD, 1):
            assert len(await connection.recv()) == size
        assert await close_of(connection) == (4002, "that was all")


async def test_a_client_that_breaks_off_takes_the_upstream_with_it_within_a_second():
    closed = asyncio.get_running_loop().create_future()

    async def session(connection):
        closed.set_result((await close_of(connection), time.monotonic()))

    async with websocket_stage(session) as stage, stage.connect() as connection:
        connection.transport.abort()
        left = time.monotonic()
        (code, _), at = await asyncio.wait_for(closed, 5)
        assert (code, at - left < SOON) == (1001, True)
        record = await stage.record(audit_id_of(connection))
        assert (record["outcome"], record["error"]) == ("client_gone", "the client broke the connection off")


async def test_a_client_that_breaks_off_before_the_answer_is_not_waited_for():
    came = asyncio.Event()

    async def script(link):
        came.set()
        await link.hung_up()

    async with scripted_upstream(script) as slow, websocket_stage(listen, upstream={"url": slow.url}) as stage:
        async with raw_client(stage.gateway.url) as client:
            await client.send(handshake())
            await came.wait()
            client.reset()
            await asyncio.wait_for(slow.links[0].gone.wait(), SOON)
        (record,) = await stage.records()
        assert (record["outcome"], record.get("status")) == ("client_gone", None)
        assert record["attempts"][0]["error"] == "CancelledError"


async def test_a_client_that_closes_and_keeps_the_connection_is_let_go():
    async with websocket_stage(listen) as stage, raw_client(stage.gateway.url) as client:
        await client.ask(handshake())
        await client.send(frame(CLOSE, b"\x03\xe8"))
        began = time.monotonic()
        (record,) = await stage.records()
        assert (record["outcome"], time.monotonic() - began < 2) == ("answered", True)


async def test_an_upstream_that_breaks_off_is_told_as_1011_and_recorded_as_cut():
    async with websocket_stage(breaking) as stage, stage.connect() as connection:
        assert await connection.recv() == "last words"
        assert await close_of(connection) == (1011, "The upstream broke the connection off.")
        record = await stage.record(audit_id_of(connection))
        assert (record["outcome"], record["error"]) == ("cut", "the upstream broke the connection off")


async def test_invalid_utf8_of_the_client_is_1007():
    async with websocket_stage(listen) as stage, raw_client(stage.gateway.url) as client:
        await client.ask(handshake())
        await client.send(frame(TEXT, b"\xff\xfe"))
        assert (await client.rest())[2:4] == (1007).to_bytes(2)
        (record,) = await stage.records()
        assert record["error"] == "the client broke the protocol: 1007"


async def test_invalid_utf8_of_the_upstream_is_1007():
    async def session(connection):
        await connection.send(b"\xff\xfe", text=True)
        await connection.wait_closed()

    async with websocket_stage(session) as stage, stage.connect() as connection:
        assert (await close_of(connection))[0] == 1007
        assert (await stage.record(audit_id_of(connection)))["outcome"] == "cut"


@pytest.mark.parametrize("bad", [b"\x81\x01x", b"\xf1\x80" + bytes(4), b"\x83\x80" + bytes(4), frame(0)])
async def test_broken_frames_of_the_client_are_1002(bad):
    async with websocket_stage(listen) as stage, raw_client(stage.gateway.url) as client:
        await client.ask(handshake())
        await client.send(bad)
        assert (await client.rest())[2:4] == (1002).to_bytes(2)
        (record,) = await stage.records()
        assert record["outcome"] == "client_gone"


async def test_a_stop_of_the_gateway_is_1012_and_recorded_as_stopped():
    heard = asyncio.Queue()

    async def session(connection):
        await heard.put(await close_of(connection))

    async with websocket_stage(session) as stage, stage.connect() as connection:
        stopping = asyncio.ensure_future(asyncio.to_thread(stage.gateway.stop))
        assert await close_of(connection) == (1012, "The gateway is being restarted.")
        await asyncio.wait_for(stopping, 5)
        record = await stage.record(audit_id_of(connection))
        assert (record["outcome"], record["status"]) == ("stopped", 101)
        assert await heard.get() == (1001, "")


async def test_a_stop_of_the_gateway_in_the_middle_of_a_handshake_is_503():
    came = asyncio.Event()

    async def script(link):
        came.set()
        await link.hung_up()

    async with scripted_upstream(script) as slow, websocket_stage(listen, upstream={"url": slow.url}) as stage:
        async with raw_client(stage.gateway.url) as client:
            await client.send(handshake())
            await came.wait()
            stopping = asyncio.ensure_future(asyncio.to_thread(stage.gateway.stop))
            reply = await client.reply()
            assert (reply.status, reply.error["code"], reply.value(b"retry-after")) == (503, "stopping", b"1")
            await asyncio.wait_for(stopping, 5)
        assert (await stage.record(reply.audit_id))["outcome"] == "stopped"


async def test_a_stop_does_not_wait_for_a_client_that_does_not_close():
    async with websocket_stage(listen) as stage, raw_client(stage.gateway.url) as client:
        await client.ask(handshake())
        client.writer.transport.pause_reading()
        began = time.monotonic()
        await asyncio.to_thread(stage.gateway.stop)
        assert time.monotonic() - began < 15
        (record,) = await stage.records()
        assert record["outcome"] == "stopped"


async def test_a_closed_side_is_closed_for_the_other_one_too():
    async with websocket_stage(echo) as stage, stage.connect() as connection:
        await stage.last.close(4009, "enough")
        with pytest.raises(ConnectionClosed):
            while True:
                await connection.send("still there?")
                await asyncio.sleep(0.01)
