"""An office over its unix socket, asked as a worker would ask it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.office.app import Office
from gateway.settings import Auth, Key, Loaded, Settings, Storage
from identity.accepted_keys import AcceptedKeys
from tests.builders.office import running_office

ADMIN_KEY = "the-admin-key"


@pytest.fixture
def accepted(tmp_path: Path) -> AcceptedKeys:
    """What a worker of this office notes."""
    return AcceptedKeys(tmp_path / "accepted")


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the office; its settings hold one key."""
    keys = (Key("lk-mine", models=("gpt-4o*",), permissions=("audit.read",)),)
    settings = Settings(auth=Auth(keys=keys), storage=Storage(data=str(tmp_path)), plugins={"log": {"to": "nowhere"}})
    built = Office(Loaded(settings, None), {"LUKHAS_ADMIN_KEY": ADMIN_KEY}, lambda *_: None, tmp_path / "accepted")
    async with running_office(built, tmp_path / "office.sock"):
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "office.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://office") as client:
            yield client
