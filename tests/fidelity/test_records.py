"""Every exchange begins once and ends once in the journal, under the audit id of its answer."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.builders.raw_client import a_request, raw_client
from tests.builders.scripted_upstream import Link, ReceivedRequest, chunk, chunked_head, reply
from tests.builders.stage import OK, Recording, Stage, staged

CHAT = a_request(body=b'{"model":"gpt-4o","messages":[]}')
ERROR = reply(b'{"error":{}}', b"Content-Type: application/json", status=b"429 Too Many Requests")
EVENTS = chunked_head(b"Content-Type: text/event-stream") + chunk(b"data: {}\n\ndata: [DONE]\n\n") + chunk(b"")
BYTES = chunked_head(b"Content-Type: audio/mpeg") + chunk(b"abc") + chunk(b"")
GIVEN = (
    pytest.param(OK, CHAT, 200, "answered", id="json"),
    pytest.param(EVENTS, CHAT, 200, "answered", id="events"),
    pytest.param(BYTES, a_request(b"POST /v1/audio/speech", body=b"{}"), 200, "answered", id="bytes"),
    pytest.param(reply(b"abc", b"Content-Type: a/b"), a_request(b"GET /v1/x"), 200, "answered", id="known-length"),
    pytest.param(b"HTTP/1.1 204 No\r\n\r\n", a_request(b"DELETE /v1/x"), 204, "answered", id="no-content"),
    pytest.param(ERROR, CHAT, 429, "answered", id="error-of-the-upstream"),
    pytest.param(b"nonsense\r\n\r\n", CHAT, 502, "upstream_error", id="no-http"),
    pytest.param(OK, a_request(body=b"{}", key=None), 401, "refused", id="nobody"),
    pytest.param(OK, a_request(body=b"{"), 400, "refused", id="bad-json"),
    pytest.param(OK, a_request(b"POST /v1/chat%2Fcompletions", body=b"{}"), 400, "refused", id="disguise"),
)


def events_of(stage: Stage, audit_id: str) -> list[str]:
    return [line["event"] for line in stage.gateway.lines() if line["audit_id"] == audit_id]


@pytest.mark.parametrize(("answer", "request_", "status", "outcome"), GIVEN)
async def test_the_record_is_whole_when_the_answer_is(
    answer: bytes, request_: bytes, status: int, outcome: str
) -> None:
    async with staged(Recording(answer)) as stage:
        came = await stage.ask(request_)
        lines = stage.gateway.lines()
    assert [line["event"] for line in lines] == ["began", "ended"]
    assert {line["audit_id"] for line in lines} == {came.audit_id}
    assert (came.status, lines[1]["status"], lines[1]["outcome"]) == (status, status, outcome)


async def test_the_upstream_is_asked_after_the_beginning_is_in_the_journal() -> None:
    requests: list[tuple[ReceivedRequest, list[str]]] = []

    async def looking(link: Link) -> None:
        request = await link.request()
        requests.append((request, [line["event"] for line in stage.gateway.lines()]))
        await link.send(OK)

    async with staged(looking) as stage:
        assert (await stage.ask(CHAT)).status == 200
    assert requests[0][1] == ["began"]


async def test_an_upstream_that_nobody_answers_at_is_an_error_of_the_upstream() -> None:
    async def gone(link: Link) -> None:
        await link.hung_up()

    async with staged(gone, upstream={"url": "http://127.0.0.1:9/v1"}) as stage:
        came = await stage.ask(CHAT)
        assert (came.status, came.error["code"]) == (502, "upstream_unreachable")
        record = await stage.record(came.audit_id)
        assert events_of(stage, came.audit_id) == ["began", "ended"]
    assert (record["outcome"], record["attempts"][0]["error"]) == ("upstream_error", "ConnectError")


async def test_exchanges_at_the_same_time_have_each_their_own_record() -> None:
    async with staged(Recording()) as stage:
        answers = await asyncio.gather(*(stage.ask(CHAT) for _ in range(20)))
        lines = stage.gateway.lines()
    ids = {answer.audit_id for answer in answers}
    assert len(ids) == 20
    assert sorted((line["audit_id"], line["event"]) for line in lines) == sorted(
        (each, event) for each in ids for event in ("began", "ended")
    )


async def test_a_gateway_that_stops_records_what_it_broke_off() -> None:
    async def never(link: Link) -> None:
        await link.request()
        await link.hung_up()

    async with staged(never, server={"drain_timeout": 1}) as stage, raw_client(stage.url) as client:
        await client.send(CHAT)
        await asyncio.sleep(0.1)
        await asyncio.to_thread(stage.gateway.stop)
        lines = stage.gateway.lines()
        await client.rest()
    assert [line["event"] for line in lines] == ["began", "ended"]
    assert lines[1]["outcome"] == "stopped"


FULL = Path("/dev/full")
needs_a_full_disk = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full")


def fill_the_disk(journal: Path) -> None:
    """Lets every further write to the journal meet a full disk."""
    with FULL.open("wb") as full:
        for handle in Path("/proc/self/fd").iterdir():
            if handle.is_symlink() and str(handle.readlink()) == str(journal):
                os.dup2(full.fileno(), int(handle.name))


@needs_a_full_disk
async def test_what_cannot_be_recorded_is_not_sent() -> None:
    upstream = Recording()
    async with staged(upstream) as stage:
        fill_the_disk(stage.gateway.journal)
        came = await stage.ask(CHAT)
    assert (came.status, came.error["code"], came.value(b"retry-after")) == (503, "journal_unavailable", b"5")
    assert upstream.requests == []


@needs_a_full_disk
async def test_what_cannot_be_recorded_is_carried_where_the_settings_say_so() -> None:
    async with staged(Recording(), audit={"on_failure": "carry_on"}) as stage:
        fill_the_disk(stage.gateway.journal)
        assert (await stage.ask(CHAT)).status == 200


async def test_with_fsync_a_reply_ends_when_its_record_is_on_the_disk() -> None:
    async with staged(Recording(), audit={"durability": "fsync"}) as stage:
        came = await stage.ask(CHAT)
        assert (came.status, (await stage.record(came.audit_id))["outcome"]) == (200, "answered")
