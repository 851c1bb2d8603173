"""Erasing over HTTP: who may, what the answer says, and what the office answers afterwards."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.office.app import Office
from gateway.settings import Auth, Key, Loaded, Settings, Storage
from tests.builders.journals import lines_in
from tests.builders.office import running_office
from tests.builders.segments import Writer, exchange

KEYS = (
    Key("lk-ada"),
    Key("lk-bob"),
    Key("lk-officer", permissions=("audit:erase",)),
    Key("lk-reader", permissions=("audit:read",)),
)


class Asked:
    """A client of an office."""

    def __init__(self, client: httpx.AsyncClient, office: Office, data: Path) -> None:
        self.office = office
        self.data = data
        self._client = client

    async def __call__(self, method: str, path: str, key: str, body: Any = None) -> httpx.Response:
        return await self._client.request(method, path, json=body, headers={"authorization": f"Bearer {key}"})

    async def principal(self, key: str) -> str:
        return str((await self("GET", "/identity/tier-check", key)).json()["principal"])

    async def callers(self) -> set[str]:
        reply = await self("POST", "/sql", "lk-reader", {"sql": "SELECT DISTINCT caller FROM exchanges"})
        return {row[0] for row in reply.json()["rows"]}


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    """An office, and an exchange of Ada and one of Bob."""
    settings = Settings(auth=Auth(keys=KEYS), storage=Storage(data=str(tmp_path)), plugins={"log": {"to": "nowhere"}})
    office = Office(Loaded(settings, None), {"LUKHAS_ADMIN_KEY": "the-admin"}, lambda *_: None, tmp_path / "accepted")
    async with running_office(office, tmp_path / "office.sock"):
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "office.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://office") as client:
            asked = Asked(client, office, tmp_path)
            writer = Writer(tmp_path)
            writer.segment()
            for name in ("ada", "bob"):
                person = office.keyring.person(await asked.principal(f"lk-{name}"))
                writer.append(*exchange(f"A-of-{name}", caller=person.pseudonym))
            office.records.warehouse.catch_up()
            yield asked


def tombstones(data: Path) -> list[dict[str, Any]]:
    if not (data / "journal" / "office").is_dir():
        return []
    return [line for line in lines_in(data, "office") if line["event"] == "tombstone"]


async def test_whoever_may_erases_a_person_and_is_named_in_the_tombstone(asked: Asked) -> None:
    ada, bob = await asked.principal("lk-ada"), await asked.principal("lk-bob")
    before = asked.office.keyring.pseudonym_of(ada)
    assert await asked.callers() == {ada, bob}
    reply = await asked("POST", "/audit/purge", "lk-officer", {"principal": ada, "because": "asked by letter"})
    assert reply.status_code == 200
    said = reply.json()
    del said["at"]
    assert said == {"known": True, "exchanges": 1, "accepted_keys": 0, "overwritten": True}
    assert await asked.callers() == {"erased", bob}
    (tombstone,) = tombstones(asked.data)
    officer = asked.office.keyring.pseudonym_of(await asked.principal("lk-officer"))
    assert (tombstone["person"], tombstone["by"], tombstone["because"]) == (before, officer, "asked by letter")


async def test_the_admin_is_named_by_the_role(asked: Asked) -> None:
    await asked("POST", "/audit/purge", "the-admin", {"principal": await asked.principal("lk-ada")})
    assert tombstones(asked.data)[0]["by"] == "admin"


@pytest.mark.parametrize("key", ["lk-ada", "lk-reader"])
async def test_nobody_else_may_erase_others(asked: Asked, key: str) -> None:
    reply = await asked("POST", "/audit/purge", key, {"principal": await asked.principal("lk-ada")})
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "not_allowed")
    assert tombstones(asked.data) == []


async def test_everybody_may_erase_themselves_and_comes_again_as_somebody_new(asked: Asked) -> None:
    ada, bob = await asked.principal("lk-ada"), await asked.principal("lk-bob")
    before = asked.office.keyring.pseudonym_of(ada)
    reply = await asked("DELETE", "/me/data", "lk-ada")
    assert (reply.status_code, reply.json()["known"], reply.json()["exchanges"]) == (200, True, 1)
    assert (await asked("GET", "/audit/A-of-ada", "lk-ada")).status_code == 404
    assert (await asked("GET", "/audit", "lk-ada")).json()["exchanges"] == []
    assert (await asked("GET", "/audit/A-of-bob", "lk-bob")).json()["caller"] == bob
    assert tombstones(asked.data)[0]["by"] == before
    assert asked.office.keyring.person(ada).pseudonym != before


async def test_whoever_is_not_on_record_is_told_so(asked: Asked) -> None:
    reply = await asked("POST", "/audit/purge", "lk-officer", {"principal": "key:nobody"})
    assert (reply.status_code, reply.json()["known"]) == (200, False)
    assert tombstones(asked.data) == []


@pytest.mark.parametrize("body", [{}, {"principal": 7}, {"principal": "key:a", "reason": "x"}, [], "key:a"])
async def test_what_cannot_be_understood_is_400(asked: Asked, body: Any) -> None:
    assert (await asked("POST", "/audit/purge", "lk-officer", body)).status_code == 400


async def test_without_a_journal_nobody_is_erased(asked: Asked) -> None:
    ada = await asked.principal("lk-ada")
    asked.office.records.log.close()
    reply = await asked("POST", "/audit/purge", "lk-officer", {"principal": ada})
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "journal_unavailable")
    assert asked.office.keyring.pseudonym_of(ada) is not None


async def test_an_erasure_that_stops_half_way_says_so(asked: Asked) -> None:
    ada = await asked.principal("lk-ada")
    run = asked.data / "run" / "4711"
    (run / "accepted").mkdir(parents=True)
    reply = await asked("POST", "/audit/purge", "lk-officer", {"principal": ada})
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "erasure_unfinished")
    assert asked.office.keyring.pseudonym_of(ada) is None


async def test_pages_that_were_begun_before_are_not_gone_on_with(asked: Asked) -> None:
    ada = await asked.principal("lk-ada")
    sql = "SELECT caller FROM exchanges ORDER BY ALL"
    first = (await asked("POST", "/sql", "lk-reader", {"sql": sql, "rows": 1})).json()
    await asked("POST", "/audit/purge", "lk-officer", {"principal": ada})
    reply = await asked("POST", "/sql", "lk-reader", {"next": first["next"]})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "sql_refused")
