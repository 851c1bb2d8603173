"""Whatever an upstream does wrong, its client gets an honest end in time, the record is right, the next is served."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
import trustme

from tests.builders.black_holes import black_hole, closed_port
from tests.builders.gateway_process import gateway_process
from tests.builders.raw_client import a_request, raw_client
from tests.builders.scripted_upstream import Link, chunk, chunked_head, reply, scripted_upstream
from tests.builders.stage import Recording, Stage, staged
from tests.builders.tls import server_context
from tests.faults.upstream_faults import (
    BOMB,
    BY_NAME,
    EVENT,
    LIMITS,
    MEGABYTE,
    OK,
    STREAM,
    STREAM_FAULTS,
    WHOLE_FAULTS,
    Fault,
    faulty,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUESTION = b'{"model":"gpt-4o","messages":[]}'
STREAMED = b'{"model":"gpt-4o","stream":true,"messages":[]}'
LATEST_SECONDS = 6.0
STORM = 200


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    """A gateway with low limits before an upstream that does what a request asks it to."""
    async with staged(faulty, upstream=LIMITS) as stage:
        yield stage


def asking_for(fault: Fault) -> bytes:
    return a_request(b"POST /v1/chat/completions", fault.header, body=STREAMED if fault.streamed else QUESTION)


def status_in(sees: str) -> int:
    return int(sees.partition(",")[0].partition(" ")[0])


def code_in(sees: str) -> str:
    (code,) = re.findall(r"`(\w+)`", sees)
    return str(code)


async def is_fine(stage: Stage) -> None:
    """The next request is answered, and with its own answer."""
    came = await stage.ask(a_request(b"POST /v1/chat/completions", b"X-Number: next", body=QUESTION))
    assert (came.status, came.body, came.value(b"x-number")) == (200, OK, b"next")


async def is_recorded(stage: Stage, audit_id: str, fault: Fault, status: int) -> None:
    record = await stage.record(audit_id)
    assert (record["outcome"], record["status"]) == (fault.outcome, status)
    if fault.error is None:
        assert record.get("error") is None
    else:
        assert record["error"].startswith(f"{fault.error}:")


@pytest.mark.parametrize("fault", WHOLE_FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_ends_in_an_answer(stage: Stage, fault: Fault) -> None:
    began = time.monotonic()
    came = await stage.ask(asking_for(fault))
    assert time.monotonic() - began < LATEST_SECONDS
    assert came.status == status_in(fault.sees)
    if fault.passes is None:
        assert (came.error["code"], came.error["type"]) == (code_in(fault.sees), "upstream_error")
    else:
        assert came.body == fault.passes
    await is_recorded(stage, came.audit_id, fault, came.status)
    await is_fine(stage)


@pytest.mark.parametrize("fault", STREAM_FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_ends_a_stream_honestly(stage: Stage, fault: Fault) -> None:
    began = time.monotonic()
    async with raw_client(stage.url) as client:
        await client.send(asking_for(fault))
        head = await client.head()
        if fault.passes is not None:
            assert b"".join([piece async for piece in client.pieces(head)]) == fault.passes
        else:
            rest = await client.rest()
            assert not rest.endswith(b"0\r\n\r\n")
            assert EVENT in rest
            last = rest[rest.rindex(b"data: ") + 6 :].partition(b"\n")[0]
            assert msgspec.json.decode(last)["error"]["code"] == code_in(fault.sees)
    assert time.monotonic() - began < LATEST_SECONDS
    await is_recorded(stage, head.audit_id, fault, 200)
    await is_fine(stage)


async def test_headers_that_come_twice_go_out_twice(stage: Stage) -> None:
    came = await stage.ask(asking_for(BY_NAME[b"duplicate headers"]))
    assert (came.values(b"x-a"), came.values(b"set-cookie")) == ([b"1", b"2"], [b"a", b"b"])


async def steady(link: Link) -> None:
    await link.request()
    await link.send(chunked_head(STREAM))
    while True:
        await link.send(chunk(EVENT))
        await asyncio.sleep(0.05)


async def test_a_stream_without_end_ends_after_the_total_timeout() -> None:
    async with staged(steady, upstream=LIMITS) as stage, raw_client(stage.url) as client:
        await client.send(a_request(body=STREAMED))
        head = await client.head()
        assert b"upstream_total_timeout" in (await client.rest())
        record = await stage.record(head.audit_id)
    assert (record["outcome"], record["status"]) == ("cut", 200)
    assert record["error"].startswith("TotalTimeout:")


async def refused(url: str, status: int, code: str, **upstream: object) -> None:
    """Asks a gateway whose upstream cannot be reached; /healthz goes on."""
    async with staged(Recording(), upstream={**LIMITS, "url": f"{url}/v1", **upstream}) as stage:
        began = time.monotonic()
        came = await stage.ask(a_request(body=QUESTION))
        assert time.monotonic() - began < LATEST_SECONDS
        assert (came.status, came.error["code"], came.error["type"]) == (status, code, "upstream_error")
        record = await stage.record(came.audit_id)
        assert (record["outcome"], record["status"]) == ("upstream_error", status)
        assert (await stage.ask(a_request(b"GET /healthz"))).status == 200
    assert stage.upstream.links == []


async def test_a_refused_connection_is_told() -> None:
    with closed_port() as port:
        await refused(f"http://127.0.0.1:{port}", 502, "upstream_unreachable")


async def test_a_connection_that_is_never_made_is_told_in_time() -> None:
    with black_hole() as port:
        await refused(f"http://127.0.0.1:{port}", 504, "upstream_connect_timeout")


async def test_a_name_that_does_not_resolve_is_told() -> None:
    await refused("http://nowhere.invalid", 502, "upstream_unreachable", connect_timeout=2.5)


async def test_a_certificate_that_nobody_vouches_for_is_told() -> None:
    tls = server_context(trustme.CA(), "127.0.0.1")
    async with scripted_upstream(faulty, tls=tls) as upstream:
        await refused(upstream.url, 502, "upstream_unreachable")


async def test_a_certificate_for_another_name_is_told(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with scripted_upstream(faulty, tls=server_context(authority, "other.test")) as upstream:
        await refused(upstream.url, 502, "upstream_unreachable", ca_file=str(tmp_path / "ca.pem"))


async def test_an_upstream_that_speaks_no_tls_is_told() -> None:
    async def plain(link: Link) -> None:
        await link.reader.read(1)
        await link.send(reply(b"", status=b"400 Bad Request"))

    async with scripted_upstream(plain) as upstream:
        await refused(upstream.url.replace("http:", "https:"), 502, "upstream_unreachable")


@pytest.mark.parametrize("name", ["429", "500", "503 that is no JSON"])
async def test_a_burst_of_refusals_reaches_each_client_as_it_came(stage: Stage, name: str) -> None:
    fault = BY_NAME[name.encode()]
    burst = await asyncio.gather(*(stage.ask(asking_for(fault)) for _ in range(40)))
    assert {(came.status, came.body) for came in burst} == {(status_in(fault.sees), fault.passes)}
    assert {tuple(came.values(b"retry-after")) for came in burst} == {(b"7",) if name == "429" else ()}
    await is_fine(stage)


QUICK = tuple(fault for fault in WHOLE_FAULTS if "Timeout" not in (fault.error or "") and "bomb" not in fault.name)


async def test_no_answer_is_given_to_another_request_in_a_storm_of_faults() -> None:
    async def one(stage: Stage, number: int) -> None:
        if number % 2:
            fault = QUICK[number % len(QUICK)]
            came = await stage.ask(asking_for(fault))
            assert (came.status, came.values(b"x-number")) == (status_in(fault.sees), []), fault.name
            return
        async with raw_client(stage.url) as client:
            for again in range(3):
                mine = b"%d.%d" % (number, again)
                asked = a_request(b"POST /v1/chat/completions", b"X-Number: " + mine, body=QUESTION)
                came = await client.ask(asked)
                assert (came.status, came.body, came.values(b"x-number")) == (200, OK, [mine])

    sizes = {name: LIMITS[name] for name in ("max_reply_bytes", "max_header_bytes")}
    async with staged(faulty, upstream=sizes) as stage:
        await asyncio.gather(*(one(stage, number) for number in range(STORM)))
        await is_fine(stage)


async def test_no_fault_makes_the_gateway_large(tmp_path: Path) -> None:
    # Its limits are the defaults: what a reply may bring is read and passed on, never kept.
    async def flooding(link: Link) -> None:
        request = await link.request()
        if b"X-Fault: bomb" in request.head:
            await link.send(reply(BOMB, b"Content-Type: application/json", b"Content-Encoding: gzip"))
            return
        await link.send(chunked_head(STREAM if b"stream" in request.body else b"Content-Type: audio/mpeg"))
        for _ in range(600):
            await link.send(chunk(b"data: " + b"a" * 65_530))
        link.reset()

    async with scripted_upstream(flooding) as upstream:
        with gateway_process(upstream.url, tmp_path) as gateway:
            async with raw_client(gateway.url) as client:
                bomb = a_request(b"POST /v1/chat/completions", b"X-Fault: bomb", body=QUESTION)
                assert (await client.ask(bomb)).status == 502
            before = gateway.peak_bytes()
            for request in (a_request(b"POST /v1/audio/speech", body=b"{}"), a_request(body=STREAMED)):
                async with raw_client(gateway.url) as client:
                    await client.send(request)
                    while await client.reader.read(1 << 20):
                        pass
            assert gateway.alive
            assert gateway.peak_bytes() - before < 20 * MEGABYTE
