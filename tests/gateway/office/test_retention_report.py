"""What the office says of the retention, and to whom."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from gateway.office.app import Office
from gateway.office.retention import Before, Report
from gateway.settings import Auth, Key, Loaded, Retention, Settings, Storage
from tests.builders.months import lived
from tests.builders.office import running_office

KEYS = (Key("lk-ada"), Key("lk-reader", permissions=("audit:read",)))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[tuple[Office, httpx.AsyncClient]]:
    lived(tmp_path, [0])
    settings = Settings(
        auth=Auth(keys=KEYS),
        storage=Storage(data=str(tmp_path)),
        retention=Retention(bodies_days=7),
        plugins={"log": {"to": "nowhere"}},
    )
    office = Office(Loaded(settings, None), {}, lambda *_: None, tmp_path / "accepted")
    async with running_office(office, tmp_path / "office.sock"):
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "office.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://office") as client:
            yield office, client


async def test_whoever_may_read_records_is_told_of_the_last_run(office: tuple[Office, httpx.AsyncClient]) -> None:
    running, client = office
    running.records.retention.report = Report(NOON, Before(NOON, NOON, NOON), segments=3, bytes=1000)
    said = (await client.get("/ops/retention", headers={"x-api-key": "lk-reader"})).json()
    assert said["limits"] == {"events_days": 30, "bodies_days": 7, "feedback_days": 30}
    assert (said["last"]["at"], said["last"]["segments"], said["last"]["held"]) == ("2026-03-01T12:00:00Z", 3, False)


async def test_nobody_else_is(office: tuple[Office, httpx.AsyncClient]) -> None:
    _, client = office
    assert (await client.get("/ops/retention", headers={"x-api-key": "lk-ada"})).status_code == 403
    assert (await client.get("/ops/retention")).status_code == 401
