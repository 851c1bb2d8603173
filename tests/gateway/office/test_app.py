"""What plugins bring to the office."""

import asyncio
from pathlib import Path

import httpx
import pytest

from gateway.loader import LoadError
from gateway.office.app import Office
from gateway.settings import Loaded, Settings, Storage
from tests.builders.office import running_office

GREETING = """
from typing import Any

from litestar import get
from litestar.di import NamedDependency

from gateway import Caller, hookimpl


@get("/greeting")
async def greeting(caller: NamedDependency[Caller]) -> str:
    return f"Good morning, {caller.principal}."


@get("/greeting/broken")
async def broken() -> str:
    raise RuntimeError("a secret of the cellar")


class Greeting:
    @hookimpl
    def register_handlers(self) -> list[Any]:
        return [greeting, broken]
"""


def office_with(plugin: str, folder: Path) -> Office:
    (folder / "greeting.py").write_text(plugin)
    settings = Settings(chain=("sign_in", "greeting.py"), storage=Storage(data=str(folder)))
    loaded = Loaded(settings, folder / "lukhas.yaml")
    return Office(loaded, {"LUKHAS_ADMIN_KEY": "adm"}, lambda *_: None, folder / "accepted")


async def test_a_plugins_handler_is_given_the_caller_and_stands_in_the_document(tmp_path: Path) -> None:
    async with running_office(office_with(GREETING, tmp_path), tmp_path / "office.sock"):
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "office.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://office") as client:
            assert (await client.get("/greeting", headers={"x-api-key": "adm"})).text == "Good morning, admin."
            assert (await client.get("/greeting")).status_code == 401
            assert "/greeting" in (await client.get("/openapi.json")).json()["paths"]


async def test_a_handler_that_raises_is_an_error_that_tells_no_secrets(tmp_path: Path) -> None:
    async with running_office(office_with(GREETING, tmp_path), tmp_path / "office.sock"):
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "office.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://office") as client:
            assert (await client.get("/greeting/broken")).status_code == 401
            reply = await client.get("/greeting/broken", headers={"x-api-key": "adm"})
            assert (reply.status_code, reply.json()["error"]["code"]) == (500, "office_error")
            assert "secret" not in reply.text


def test_a_plugin_that_cannot_give_its_handlers_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="The plugin greeting cannot give its handlers: no handlers today"):
        office_with(GREETING.replace("return [greeting, broken]", "raise RuntimeError('no handlers today')"), tmp_path)


async def test_the_socket_is_for_this_user_alone(tmp_path: Path) -> None:
    async with running_office(office_with(GREETING, tmp_path), tmp_path / "office.sock"):
        assert (tmp_path / "office.sock").stat().st_mode & 0o777 == 0o600


ENGINE = """
from pathlib import Path

from gateway import Chore, Startup, hookimpl


class Greeting:
    @hookimpl
    def startup(self, startup: Startup) -> None:
        self._file = startup.data / "turns"

    @hookimpl
    def register_engines(self) -> list[Chore]:
        return [Chore("greeting", 0.01, self.turn)]

    def turn(self) -> bool:
        with self._file.open("a") as file:
            file.write("x")
        return False
"""


async def test_a_plugins_engine_runs_again_and_again_once_the_plugin_was_started(tmp_path: Path) -> None:
    turns = tmp_path / "turns"
    async with running_office(office_with(ENGINE, tmp_path), tmp_path / "office.sock"):
        async with asyncio.timeout(10):
            while not turns.exists() or len(turns.read_text()) < 3:  # noqa: ASYNC110 - the engine is a thread's
                await asyncio.sleep(0.01)
    ended = turns.read_text()
    await asyncio.sleep(0.05)
    assert turns.read_text() == ended


def test_a_plugin_that_cannot_give_its_engines_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="The plugin greeting cannot give its engines: no engines today"):
        office_with(
            ENGINE.replace('return [Chore("greeting", 0.01, self.turn)]', "raise RuntimeError('no engines today')"),
            tmp_path,
        )
