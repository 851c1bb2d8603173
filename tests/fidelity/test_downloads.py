"""Downloads stream through the gateway: every byte at once, and little memory however slow the reader is."""

import asyncio
import hashlib
from pathlib import Path

from tests.builders.gateway_process import gateway_process
from tests.builders.raw_client import RawClient, a_request, raw_client
from tests.builders.scripted_upstream import Link, chunk, chunked_head, scripted_upstream
from tests.builders.stage import staged

MEGABYTE = 1 << 20
LARGE = 200 * MEGABYTE
GROWTH = 30 * MEGABYTE
PIECE = bytes(range(256)) * 1024
CONTENT = a_request(b"GET /v1/files/file-1/content")
NAMED = (
    b"Content-Type: application/octet-stream",
    b"Content-Disposition: attachment; filename=\"caf\xc3\xa9.jsonl\"; filename*=UTF-8''caf%C3%A9.jsonl",
)


async def test_each_piece_of_a_download_is_at_the_client_before_the_next_one_is_sent() -> None:
    seen = asyncio.Semaphore(0)
    pieces = (b"\x00\xff", b"\r\n\r\n", b"data: no event\n\n", b"x" * 1000)

    async def piecewise(link: Link) -> None:
        await link.request()
        await link.send(chunked_head(*NAMED))
        for piece in pieces:
            await link.send(chunk(piece))
            await seen.acquire()
        await link.send(chunk(b""))

    async with staged(piecewise) as stage, raw_client(stage.url) as client:
        await client.send(CONTENT)
        head = await client.head()
        assert head.value(b"content-disposition") == NAMED[1].partition(b": ")[2]
        for piece in pieces:
            assert await client.piece(head) == piece
            seen.release()
        assert await client.piece(head) == b""


class Sending:
    """A script that sends LARGE bytes, as fast as they are taken; `sent` counts them."""

    def __init__(self, *, chunked: bool) -> None:
        self.sent = 0
        self._chunked = chunked

    async def __call__(self, link: Link) -> None:
        await link.request()
        self.sent = 0
        length = b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(NAMED) + b"\r\nContent-Length: %d\r\n\r\n" % LARGE
        await link.send(chunked_head(*NAMED) if self._chunked else length)
        for _ in range(LARGE // len(PIECE)):
            await link.send(chunk(PIECE) if self._chunked else PIECE)
            self.sent += len(PIECE)
        if self._chunked:
            await link.send(chunk(b""))
        await link.hung_up()


async def hash_of(client: RawClient) -> str:
    head = await client.head()
    digest = hashlib.sha256()
    async for data in client.pieces(head):
        digest.update(data)
    return digest.hexdigest()


async def test_200_megabytes_for_a_slow_reader_pass_whole_and_leave_the_gateway_small(tmp_path: Path) -> None:
    expected = hashlib.sha256(PIECE * (LARGE // len(PIECE))).hexdigest()
    for chunked in (False, True):
        upstream = Sending(chunked=chunked)
        async with scripted_upstream(upstream) as scripted:
            with gateway_process(scripted.url, tmp_path / str(chunked)) as gateway:
                async with raw_client(gateway.url) as client:
                    assert (await client.ask(a_request(b"GET /healthz"))).status == 200
                    before = gateway.peak_bytes()
                    await client.send(CONTENT)
                    await asyncio.sleep(0.5)
                    assert upstream.sent < 40 * MEGABYTE
                    assert await hash_of(client) == expected
                    assert gateway.peak_bytes() - before < GROWTH


async def test_a_download_that_breaks_ends_without_the_end_of_its_framing() -> None:
    for head, piece in (
        (b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 10\r\n\r\n", b"12345"),
        (chunked_head(b"Content-Type: audio/mpeg"), chunk(b"12345")),
    ):

        async def breaking(link: Link, head: bytes = head, piece: bytes = piece) -> None:
            await link.request()
            await link.send(head + piece)

        async with staged(breaking) as stage, raw_client(stage.url) as client:
            await client.send(CONTENT)
            came = await client.head()
            assert await client.rest() in (b"12345", b"5\r\n12345\r\n")
            assert (await stage.record(came.audit_id))["outcome"] == "cut"
