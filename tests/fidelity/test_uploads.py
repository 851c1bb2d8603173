"""Uploads stream through the gateway: every byte, and little memory."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from tests.builders.gateway_process import GatewayProcess, gateway_process
from tests.builders.raw_client import a_request, raw_client
from tests.builders.scripted_upstream import Link, chunk, reply, scripted_upstream
from tests.builders.stage import OK, RecordingStage, staged

pytestmark = pytest.mark.asyncio(loop_scope="module")
MEGABYTE = 1 << 20
LARGE = 200 * MEGABYTE
GROWTH = 30 * MEGABYTE
PIECE = bytes(range(256)) * 1024
FILES = (b"POST /v1/files", b'Content-Type: multipart/form-data; charset=utf-8; boundary="-=_a b"')
FORM = (
    b'---=_a b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n---=_a b\r\n'
    b'content-DISPOSITION: form-data; name="file"; filename="\xc3\xbcber \xe2\x98\x83 %22.jsonl"; x=1\r\n'
    b"Content-Type: application/x; charset=x\r\nX-Own: 1\r\n\r\n\x00\xff\r\n--half\r\n\r\n---=_a b--\r\n"
)


async def test_a_form_arrives_byte_for_byte_with_its_boundary_and_its_file_names(stage: RecordingStage) -> None:
    came = await stage.sent(a_request(*FILES, body=FORM))
    assert came.body == FORM
    assert b"\r\n" + FILES[1] + b"\r\n" in came.head
    assert b"\r\nContent-Length: %d\r\n" % len(FORM) in came.head


@pytest.mark.parametrize("size", [1, 11, 1000])
async def test_a_chunked_form_arrives_byte_for_byte(stage: RecordingStage, size: int) -> None:
    framed = b"".join(chunk(FORM[at : at + size]) for at in range(0, len(FORM), size)) + chunk(b"")
    came = await stage.sent(a_request(*FILES, b"Transfer-Encoding: chunked") + framed)
    assert came.body == FORM


@pytest.mark.parametrize("kind", [b"application/octet-stream", b"audio/wav", b"text/plain; charset=latin-1"])
async def test_bytes_of_any_type_arrive_as_they_are(stage: RecordingStage, kind: bytes) -> None:
    body = b"\x00\xff" + PIECE
    came = await stage.sent(a_request(b"PUT /v1/uploads/raw", b"Content-Type: " + kind, body=body))
    assert came.body == body


async def test_each_piece_of_an_upload_is_at_the_upstream_before_the_next_one_is_sent() -> None:
    pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def piecewise(link: Link) -> None:
        await link.head()
        for _ in range(3):
            pieces.put_nowait(await link.reader.readexactly(5))
        await link.send(OK)

    async with staged(piecewise) as stage, raw_client(stage.url) as client:
        await client.send(a_request(b"PUT /v1/raw", b"Content-Type: audio/wav", b"Content-Length: 15"))
        for piece in (b"aaaaa", b"bbbbb", b"ccccc"):
            await client.send(piece)
            assert await asyncio.wait_for(pieces.get(), 5) == piece
        assert (await client.reply()).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        (b"POST /v1/chat/completions", b"Content-Type: application/json", b"Content-Length: 2"),
        (b"PUT /v1/raw", b"Content-Type: audio/wav", b"Content-Length: 2"),
    ],
    ids=["json", "bytes"],
)
async def test_a_client_that_waits_for_continue_is_told_to_go_on(
    stage: RecordingStage, headers: tuple[bytes, ...]
) -> None:
    count = len(stage.script.requests)
    stage.script.answer = OK
    async with raw_client(stage.url) as client:
        await client.send(a_request(*headers, b"Expect: 100-continue"))
        assert (await client.head()).status == 100
        await client.send(b"{}")
        assert (await client.reply()).status == 200
    (came,) = stage.script.requests[count:]
    assert (came.body, b"expect" in came.head.lower()) == (b"{}", False)


async def test_a_client_that_waits_for_continue_and_is_refused_is_not_told_to_go_on(stage: RecordingStage) -> None:
    async with raw_client(stage.url) as client:
        request = a_request(b"POST /v1/chat/completions", b"Content-Length: 2", b"Expect: 100-continue", key=None)
        assert (await client.ask(request)).status == 401


async def test_an_answer_that_comes_before_the_upload_has_ended_ends_it() -> None:
    async def hasty(link: Link) -> None:
        await link.head()
        await link.reader.readexactly(5)
        await link.send(reply(b'{"error":{}}', b"Content-Type: application/json", status=b"413 Too Large"))
        await link.hung_up()

    async with staged(hasty) as stage, raw_client(stage.url) as client:
        await client.send(a_request(b"PUT /v1/raw", b"Content-Type: audio/wav", b"Content-Length: 1000") + b"12345")
        came = await client.reply()
        assert (came.status, came.value(b"connection")) == (413, b"close")


class Hashing:
    """A script that takes large uploads without keeping them."""

    def __init__(self) -> None:
        self.sha256 = ""
        self.length = 0

    async def __call__(self, link: Link) -> None:
        while True:
            head = (await link.head()).lower()
            left = int(head.split(b"\r\ncontent-length: ")[1].split(b"\r\n")[0])
            digest, self.length = hashlib.sha256(), left
            while left:
                data = await link.reader.read(min(left, 1 << 18))
                digest.update(data)
                left -= len(data)
            self.sha256 = digest.hexdigest()
            await link.send(OK)


async def uploaded(gateway: GatewayProcess, start: bytes, end: bytes, *headers: bytes) -> str:
    """Uploads LARGE bytes between `start` and `end`; gives the hash of all."""
    digest = hashlib.sha256()
    async with raw_client(gateway.url) as client:
        await client.send(a_request(*headers, b"Content-Length: %d" % (len(start) + LARGE + len(end))))
        for data in (start, *(PIECE for _ in range(LARGE // len(PIECE))), end):
            digest.update(data)
            await client.send(data)
        assert (await client.reply()).status == 200
    return digest.hexdigest()


async def test_200_megabytes_pass_whole_and_leave_the_gateway_small(tmp_path: Path) -> None:
    start, _, end = FORM.partition(b"\x00\xff")
    upstream = Hashing()
    async with scripted_upstream(upstream) as scripted:
        with gateway_process(scripted.url, tmp_path) as gateway:
            async with raw_client(gateway.url) as client:
                assert (await client.ask(a_request(b"PUT /v1/raw", b"Content-Type: a/b", body=PIECE))).status == 200
            before = gateway.peak_bytes()
            sent = await uploaded(gateway, b"", b"", b"PUT /v1/raw", b"Content-Type: audio/wav")
            assert (sent, LARGE) == (upstream.sha256, upstream.length)
            sent = await uploaded(gateway, start, end, *FILES)
            assert (sent, LARGE + len(start) + len(end)) == (upstream.sha256, upstream.length)
            assert gateway.peak_bytes() - before < GROWTH
