"""Reading kept bodies over HTTP: who may, what was withheld, what is left of who was erased, and who has looked."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gateway.body_parts import Part, Parts
from gateway.office.app import Office
from gateway.settings import Auth, Key, Loaded, Settings, Storage
from storage.bodies import body_event
from storage.journal import Journal
from tests.builders.journals import lines_in, opened
from tests.builders.office import running_office
from tests.builders.segments import WHEN, Writer, exchange

KEYS = (
    Key("lk-ada"),
    Key("lk-bob"),
    Key("lk-reader", permissions=("audit:read",)),
    Key("lk-auditor", permissions=("audit:bodies",)),
)
PARTS = Parts(
    Part("application/json", 40, json={"messages": [{"role": "user", "content": "Where is the treasure?"}]}),
    Part("application/json", 60, json={"messages": "what the operator added"}, withheld=True),
    Part("application/json", 90, json={"choices": "under the palm"}),
)
HIDDEN = Parts(PARTS.request, None, Part("text/plain", 90, text="what was withheld", withheld=True))


class Asked:
    """A client of an office, and the journal of a worker's bodies."""

    def __init__(self, client: httpx.AsyncClient, office: Office, data: Path, bodies: Journal) -> None:
        self.office = office
        self.data = data
        self.bodies = bodies
        self._client = client

    async def __call__(self, audit_id: str, key: str) -> httpx.Response:
        return await self._client.get(f"/audit/{audit_id}/bodies", headers={"x-api-key": key})

    async def principal(self, key: str) -> str:
        reply = await self._client.get("/identity/tier-check", headers={"x-api-key": key})
        return str(reply.json()["principal"])

    def keep(self, audit_id: str, parts: Parts, pseudonym: str, key: bytes) -> None:
        plain, nonce = msgspec.json.encode(parts), audit_id.encode()[-12:].rjust(12)
        self.bodies.append_event(body_event(audit_id, WHEN, pseudonym, plain, key, nonce))

    @property
    def readings(self) -> list[dict[str, Any]]:
        if not (self.data / "journal" / "office").is_dir():
            return []
        return [line for line in lines_in(self.data, "office") if line["event"] == "bodies_read"]


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    """An office; of Ada's exchanges one has bodies, one has a withheld reply, one has none."""
    settings = Settings(auth=Auth(keys=KEYS), storage=Storage(data=str(tmp_path)), plugins={"log": {"to": "nowhere"}})
    office = Office(Loaded(settings, None), {"LUKHAS_ADMIN_KEY": "the-admin"}, lambda *_: None, tmp_path / "accepted")
    bodies = opened(tmp_path, "worker-0-bodies", clock=WHEN.timestamp)
    async with running_office(office, tmp_path / "office.sock"):
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "office.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://office") as client:
            asked = Asked(client, office, tmp_path, bodies)
            ada = office.keyring.person(await asked.principal("lk-ada"))
            writer = Writer(tmp_path)
            writer.segment()
            for name in ("A-with-bodies", "A-with-secrets", "A-without"):
                writer.append(*exchange(name, caller=ada.pseudonym))
            asked.keep("A-with-bodies", PARTS, ada.pseudonym, ada.key)
            asked.keep("A-with-secrets", HIDDEN, ada.pseudonym, ada.key)
            office.records.warehouse.catch_up()
            yield asked
    bodies.close()


def told(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


async def test_a_caller_reads_their_own_and_that_is_nobody_elses_business(asked: Asked) -> None:
    reply = await asked("A-with-bodies", "lk-ada")
    assert reply.status_code == 200
    said = reply.json()
    assert said["request"]["json"]["messages"][0]["content"] == "Where is the treasure?"
    assert said["reply"] == {"type": "application/json", "bytes": 90, "json": {"choices": "under the palm"}}
    assert reply.headers["cache-control"] == "no-store"
    assert asked.readings == []


async def test_what_the_caller_did_not_have_stays_withheld_from_them(asked: Asked) -> None:
    for audit_id in ("A-with-bodies", "A-with-secrets"):
        reply = await asked(audit_id, "lk-ada")
        assert "what was withheld" not in reply.text and "the operator added" not in reply.text
    assert reply.json()["reply"] == {"type": "text/plain", "bytes": 90, "withheld": True}


@pytest.mark.parametrize("key", ["lk-auditor", "the-admin"])
async def test_whoever_may_reads_all_of_it_and_leaves_a_trace(asked: Asked, key: str) -> None:
    reply = await asked("A-with-secrets", key)
    assert reply.json()["reply"]["text"] == "what was withheld"
    keyring = asked.office.keyring
    (reading,) = asked.readings
    by = "admin" if key == "the-admin" else keyring.pseudonym_of(await asked.principal(key))
    assert (reading["audit_id"], reading["by"]) == ("A-with-secrets", by)
    assert reading["person"] == keyring.pseudonym_of(await asked.principal("lk-ada"))


async def test_a_reading_that_cannot_be_noted_does_not_happen(asked: Asked) -> None:
    asked.office.records.log.close()
    assert told(await asked("A-with-bodies", "lk-auditor")) == (503, "journal_unavailable")
    assert (await asked("A-with-bodies", "lk-ada")).status_code == 200


@pytest.mark.parametrize("key", ["lk-bob", "lk-reader"])
async def test_to_everybody_else_it_is_as_if_there_were_none(asked: Asked, key: str) -> None:
    for audit_id in ("A-with-bodies", "A-unknown-one", "x"):
        assert told(await asked(audit_id, key)) == (404, "not_found")
    assert asked.readings == []


async def test_nobody_is_401(asked: Asked) -> None:
    assert (await asked("A-with-bodies", "lk-unknown")).status_code == 401


@pytest.mark.parametrize("key", ["lk-ada", "lk-auditor"])
async def test_where_none_were_kept_that_is_said(asked: Asked, key: str) -> None:
    assert told(await asked("A-without", key)) == (404, "no_bodies")


async def test_of_somebody_who_was_erased_nobody_reads_anything(asked: Asked) -> None:
    asked.office.keyring.erase(await asked.principal("lk-ada"))
    assert told(await asked("A-with-bodies", "lk-auditor")) == (410, "erased")
    assert told(await asked("A-with-bodies", "lk-ada")) == (404, "not_found")
    assert asked.readings == []


async def test_a_body_under_another_persons_key_is_damaged_and_no_secret(asked: Asked) -> None:
    ada = asked.office.keyring.pseudonym_of(await asked.principal("lk-ada"))
    asked.bodies.append_event(body_event("A-without", WHEN, ada or "", b"{}", bytes(32), bytes(12)))
    assert told(await asked("A-without", "lk-ada")) == (500, "bodies_damaged")
