"""Without its keyring a gateway names nobody, and so carries nothing; afterwards it goes on."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.builders.gateway import until
from tests.builders.raw_client import RawReply
from tests.builders.stage import OK, Recording, Stage, staged

ASK = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer sk-%b\r\n"
    b"Content-Type: application/json\r\nContent-Length: 13\r\n\r\n"
    b'{"model":"m"}'
)


async def asks(stage: Stage, key: bytes) -> RawReply:
    return await stage.ask(ASK % key, b"POST")


@pytest.mark.parametrize("on_failure", ["refuse", "carry_on"])
async def test_a_keyring_that_breaks_is_told_and_nobody_is_recorded_under_a_wrong_name(on_failure: str) -> None:
    script = Recording(OK)
    async with staged(script, audit={"on_failure": on_failure}) as stage:
        assert (await asks(stage, b"ada-12345678")).status == 200
        file = stage.gateway.gateway.data / "keys" / "people.db"
        aside, broken = file.with_name("aside"), file.with_name("broken")
        settle(file)
        aside.hardlink_to(file)
        broken.write_bytes(b"no database" * 1000)
        broken.replace(file)
        until(lambda: stage.gateway.gateway.keyring.failure is not None, 5, "the failure")
        refused = await asks(stage, b"ada-12345678")
        ready = await stage.ask(b"GET /readyz HTTP/1.1\r\nHost: gateway\r\n\r\n")
        assert b"people.db cannot be used" in ready.body
        if on_failure == "refuse":
            assert (refused.status, len(script.requests)) == (503, 1)
            assert b"journal_unavailable" in refused.body
            assert ready.status == 503
        else:
            assert (refused.status, len(script.requests)) == (200, 2)
            assert ready.status == 200
        aside.replace(file)
        until(lambda: stage.gateway.gateway.keyring.failure is None, 5, "the end of the failure")
        assert (await asks(stage, b"ada-12345678")).status == 200
        first, without, last = await stage.records(3)
        assert first["caller"] == last["caller"] is not None
        assert (without["caller"], without["error"]) == (None, "its caller could not be looked up")


def settle(file: Path) -> None:
    """Brings what stands in the log beside a file into it."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
