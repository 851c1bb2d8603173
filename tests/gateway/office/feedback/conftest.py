"""An office over its socket, with recorded exchanges of several people."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.office.app import Office
from gateway.settings import Auth, Key, Loaded, Settings, Storage
from identity.accepted_keys import AcceptedKeys
from tests.builders.office import running_office
from tests.builders.segments import Writer, exchange

KEYS = (
    Key("lk-ada"),
    Key("lk-bob"),
    Key("lk-low", tier="T1"),
    Key("lk-officer", permissions=("admin:locks", "admin:flags", "audit:erase", "audit:read")),
    *(Key(f"lk-rater-{number}") for number in range(12)),
)
SHAPED = [{"hook": "shape", "plugin": "modulation", "parameter": "temperature", "after": 0.2, "because": "x"}]


class Asked:
    """A client of an office."""

    def __init__(self, client: httpx.AsyncClient, office: Office, data: Path) -> None:
        self.office = office
        self.data = data
        self._client = client
        self._writer = Writer(data)
        self._writer.segment()

    async def __call__(self, method: str, path: str, key: str = "lk-ada", body: Any = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {key}"}
        if isinstance(body, bytes):
            headers["content-type"] = "application/json"
            return await self._client.request(method, path, content=body, headers=headers)
        return await self._client.request(method, path, json=body, headers=headers)

    async def principal(self, key: str) -> str:
        return str((await self("GET", "/identity/tier-check", key)).json()["principal"])

    async def pseudonym(self, key: str) -> str:
        return self.office.keyring.person(await self.principal(key)).pseudonym

    async def carried(self, audit_id: str, key: str = "lk-ada", **members: Any) -> str:
        """An exchange of this key stands in the journal."""
        self._writer.append(*exchange(audit_id, caller=await self.pseudonym(key), **members))
        return audit_id

    async def rated(self, audit_id: str, rating: int, key: str = "lk-ada", **members: Any) -> httpx.Response:
        """An exchange of this key, and a card for it."""
        await self.carried(audit_id, key)
        return await self("POST", "/feedback/card", key, {"target_action_id": audit_id, "rating": rating, **members})


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    settings = Settings(
        auth=Auth(passthrough=True, keys=KEYS), storage=Storage(data=str(tmp_path)), plugins={"log": {"to": "nowhere"}}
    )
    accepted = AcceptedKeys(tmp_path / "accepted")
    office = Office(Loaded(settings, None), {"LUKHAS_ADMIN_KEY": "the-admin"}, lambda *_: None, tmp_path / "accepted")
    async with running_office(office, tmp_path / "office.sock"):
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "office.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://office") as client:
            yield Asked(client, office, tmp_path)
    accepted.close()
