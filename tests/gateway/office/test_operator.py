"""At the operator's socket no key is asked for, and at no other one can a request say that it came by that."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.commands.running import running
from gateway.office.app import Office
from gateway.office.server import OfficeServer, bound
from gateway.settings import Auth, Key, Loaded, Settings, Storage
from tests.builders.office import running_server

WHO = "/identity/tier-check"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Path]:
    """The folder in which an office listens at both sockets."""
    settings = Settings(
        auth=Auth(keys=(Key("lk-mine"),)), storage=Storage(data=str(tmp_path)), plugins={"log": {"to": "nowhere"}}
    )
    built = Office(Loaded(settings, None), {}, lambda *_: None, tmp_path / "accepted")
    server = OfficeServer(built, signals=False, operator=bound(tmp_path / "operator.sock"))
    async with running_server(server, tmp_path / "office.sock"):
        yield tmp_path


async def ask(path: Path, **headers: str) -> httpx.Response:
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    async with httpx.AsyncClient(transport=transport, base_url="http://office") as client:
        return await client.get(WHO, headers=headers)


async def test_whoever_can_open_the_socket_is_the_operator(office: Path) -> None:
    said = (await ask(office / "operator.sock")).json()
    assert (said["principal"], said["kind"], said["permissions"]) == ("operator", "admin", ["*"])


async def test_nobody_else_can_open_it(office: Path) -> None:
    about = (office / "operator.sock").stat()
    assert (about.st_mode & 0o777, about.st_uid) == (0o600, os.getuid())


async def test_with_a_key_the_request_is_that_of_its_caller(office: Path) -> None:
    said = (await ask(office / "operator.sock", authorization="Bearer lk-mine")).json()
    assert said["kind"] == "gateway_key"
    assert (await ask(office / "operator.sock", authorization="Bearer lk-wrong")).status_code == 401
    assert (await ask(office / "operator.sock", **{"x-api-key": "lk-wrong"})).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"lukhas.operator": "1"}, {"extensions": "lukhas.operator"}], ids=str)
async def test_what_the_workers_hand_on_needs_a_key(office: Path, headers: dict[str, str]) -> None:
    assert (await ask(office / "office.sock", **headers)).status_code == 401


async def test_an_office_that_cannot_listen_for_the_operator_never_says_that_it_has_started(tmp_path: Path) -> None:
    settings = Settings(storage=Storage(data=str(tmp_path)), plugins={"log": {"to": "nowhere"}})
    built = Office(Loaded(settings, None), {}, lambda *_: None, tmp_path / "accepted")
    gone, started = socket.socket(socket.AF_UNIX), asyncio.Event()
    gone.close()
    with bound(tmp_path / "office.sock") as listener, pytest.raises(OSError, match="descriptor"):
        async with running(OfficeServer(built, started.set, signals=False, operator=gone), listener, started):
            pass
    await built.stop()
    assert not started.is_set()
