"""What is not for the model API reaches the office as it was sent, and its answer comes back as it was given."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from gateway.app import Gateway
from gateway.forward import STARTING, Forward, forwarded_to_office
from gateway.settings import Loaded
from gateway.worker import Worker
from tests.builders.fake_client import FakeClient
from tests.builders.gateway import gateway_settings
from tests.builders.scripted_upstream import Link, ReceivedRequest, chunk, chunked_head, reply, scripted_upstream


class Office:
    """Keeps what it received, and answers all the same."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.received: list[ReceivedRequest] = []

    async def __call__(self, link: Link) -> None:
        while True:
            self.received.append(await link.request())
            await link.send(self.answer)


@asynccontextmanager
async def gateway_before(path: Path) -> AsyncIterator[str]:
    """Runs a gateway before the office at `path`; gives its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    started = asyncio.Event()
    forward = Forward(path, 1000)
    with TemporaryDirectory(prefix="lukhas-") as data:
        settings = gateway_settings("http://127.0.0.1:9", data)
        worker = Worker(Gateway(Loaded(settings, None), "worker-0", {}, forward), started.set)
        serving = asyncio.create_task(worker.serve([listener]))
        await started.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            worker.should_exit = True
            await serving
            await forward.close()


async def asked(office: Office, path: Path, *requests: httpx.Request) -> list[httpx.Response]:
    """Sends requests to a gateway before the office."""
    async with scripted_upstream(office, uds=path), gateway_before(path) as url, httpx.AsyncClient() as client:
        return [
            await client.request(
                each.method, url + each.url.raw_path.decode(), headers=each.headers, content=each.content
            )
            for each in requests
        ]


async def test_the_request_stays_as_it_was_but_for_hop_by_hop_headers_and_the_address(tmp_path: Path) -> None:
    office = Office(reply(b"{}", b"Content-Type: application/json"))
    request = httpx.Request(
        "PATCH",
        "http://x/admin/a%2Fb?q=1&q=2",
        headers={"x-api-key": "lk-1", "connection": "x-hop", "x-hop": "1", "x-kept": "1"},
        content=b"\x00body",
    )
    await asked(office, tmp_path / "o.sock", request)
    (received,) = office.received
    head = received.head.lower()
    assert received.line == b"PATCH /admin/a%2Fb?q=1&q=2 HTTP/1.1"
    assert received.body == b"\x00body"
    assert b"\r\nx-api-key: lk-1\r\n" in head
    assert b"\r\nx-kept: 1\r\n" in head
    assert b"x-hop" not in head
    assert b"\r\nx-forwarded-for: 127.0.0.1\r\n" in head


async def test_the_answer_comes_back_as_it_was_given(tmp_path: Path) -> None:
    answer = reply(
        b"no", b"Content-Type: text/html", b"Set-Cookie: a=1", b"Set-Cookie: b=2", status=b"418 I am a Teapot"
    )
    (came,) = await asked(Office(answer), tmp_path / "o.sock", httpx.Request("GET", "http://x/tea"))
    assert (came.status_code, came.reason_phrase, came.text) == (418, "I am a Teapot", "no")
    assert came.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert came.headers["content-length"] == "2"


async def test_pieces_come_back_as_they_come(tmp_path: Path) -> None:
    first_seen = asyncio.Event()

    async def office(link: Link) -> None:
        await link.request()
        await link.send(chunked_head(b"Content-Type: text/event-stream") + chunk(b"data: 1\n\n"))
        await first_seen.wait()
        await link.send(chunk(b"data: 2\n\n") + chunk(b""))

    path = tmp_path / "o.sock"
    async with (
        scripted_upstream(office, uds=path),
        gateway_before(path) as url,
        httpx.AsyncClient() as client,
        client.stream("GET", f"{url}/events") as came,
    ):
        pieces = came.aiter_raw()
        assert await anext(pieces) == b"data: 1\n\n"
        first_seen.set()
        assert await anext(pieces) == b"data: 2\n\n"


async def test_a_body_that_is_sent_in_pieces_arrives_whole(tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    office = Office(reply(b""))
    path = tmp_path / "o.sock"
    async with scripted_upstream(office, uds=path), gateway_before(path) as url, httpx.AsyncClient() as client:
        await client.post(f"{url}/upload", content=body())
    assert office.received[0].body == b"one two"


async def test_a_body_over_the_limit_is_refused(tmp_path: Path) -> None:
    request = httpx.Request("POST", "http://x/upload", content=b"x" * 1001)
    (came,) = await asked(Office(reply(b"")), tmp_path / "o.sock", request)
    assert (came.status_code, came.json()["error"]["code"]) == (413, "body_too_large")


async def test_without_an_office_the_path_answers_503_and_says_that_it_may_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "nobody.sock"
    async with gateway_before(path) as url, httpx.AsyncClient() as client:
        came = await client.get(f"{url}/docs")
    assert (came.status_code, came.json()["error"]["code"]) == (503, "office_unavailable")
    assert came.headers["retry-after"] == "1"
    assert Forward(path, 1000).fault() == STARTING


async def test_an_office_that_breaks_off_is_502_before_and_a_broken_reply_after_its_head(tmp_path: Path) -> None:
    async def before(link: Link) -> None:
        await link.request()

    async def after(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    path = tmp_path / "o.sock"
    async with scripted_upstream(before, uds=path), gateway_before(path) as url, httpx.AsyncClient() as client:
        came = await client.get(f"{url}/docs")
    assert (came.status_code, came.json()["error"]["code"]) == (502, "office_failed")
    path.unlink()
    async with scripted_upstream(after, uds=path), gateway_before(path) as url, httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"{url}/docs")


async def test_a_head_request_has_the_length_and_no_body(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    first, second = await asked(
        Office(answer),
        tmp_path / "o.sock",
        httpx.Request("HEAD", "http://x/docs"),
        httpx.Request("HEAD", "http://x/docs"),
    )
    assert (first.headers["content-length"], first.content) == ("5", b"")
    assert second.status_code == 200


async def test_an_office_that_listens_has_no_fault(tmp_path: Path) -> None:
    async with scripted_upstream(Office(reply(b"")), uds=tmp_path / "o.sock"):
        assert Forward(tmp_path / "o.sock", 1000).fault() is None


def test_the_clients_own_words_about_its_address_stand_before_what_was_seen() -> None:
    headers = forwarded_to_office(((b"X-Forwarded-For", b"1.1.1.1"), (b"Accept", b"*/*")), "10.0.0.7")
    assert headers == ((b"Accept", b"*/*"), (b"X-Forwarded-For", b"1.1.1.1, 10.0.0.7"))


async def test_no_more_wait_for_the_office_than_a_bound(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def waiting(link: Link) -> None:
        while True:
            await link.request()
            await go.wait()
            await link.send(reply(b"{}", b"Content-Type: application/json"))

    forward = Forward(tmp_path / "o.sock", 1000, most_at_once=8)
    async with scripted_upstream(waiting, uds=tmp_path / "o.sock"):
        clients = [FakeClient(None, b"/audit", b"GET") for _ in range(8)]
        asked = [asyncio.ensure_future(forward(client)) for client in clients]
        await asyncio.sleep(0)
        late = FakeClient(None, b"/audit", b"GET")
        await forward(late)
        assert (late.status, late.code, late.header(b"retry-after")) == (503, "office_busy", b"1")
        go.set()
        await asyncio.gather(*asked)
        assert {client.status for client in clients} == {200}
        again = FakeClient(None, b"/audit", b"GET")
        await forward(again)
        assert again.status == 200
        await forward.close()
