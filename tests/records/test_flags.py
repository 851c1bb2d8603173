"""What is set, rated or locked at the office is known to every worker soon, and survives a restart."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.builders.served import Served, eventually, served

PLUGIN = '''
import os

from gateway import Exchange, Refusal, Startup, hookimpl


class Teller:
    """Says what its worker knows of flags and of the caller."""

    @hookimpl
    def startup(self, startup: Startup) -> None:
        self._startup = startup

    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        principal = exchange.caller.principal
        standing = self._startup.standing(principal)
        strict = self._startup.flags.on("STRICT_DEFAULT", principal)
        browser = self._startup.flags.on("BROWSER_TOOL", principal)
        if exchange.endpoint.name == "models":
            return Refusal(f"{os.getpid()} {strict} {browser} {standing.style.temperature} {standing.conservative}")
        return None
'''
ENVIRON = {"LUKHAS_ADMIN_KEY": "the-admin", "OPENAI_API_KEY": "sk-simulated"}
SETTINGS = """
chain: [default, teller.py]
plugins: {log: {to: nowhere}}
auth: {keys: [{key: lk-ada}]}
flags: {BROWSER_TOOL: off}
"""
ADMIN = {"x-api-key": "the-admin"}
ADA = {"authorization": "Bearer lk-ada"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flags")
    (folder / "teller.py").write_text(PLUGIN)
    return folder


@pytest.fixture(scope="module")
def serving(folder: Path) -> Iterator[Served]:
    with served(folder, "--simulate", "--workers", "2", settings=SETTINGS, environ=ENVIRON) as running:
        yield running


def told(running: Served) -> list[str]:
    """What one worker knows: its number, STRICT_DEFAULT, BROWSER_TOOL, the temperature, the lock."""
    message: str = httpx.get(f"{running.url}/v1/models", headers=ADA).json()["error"]["message"]
    return message.split()


def seconds_until_every_worker_says(running: Served, place: int, what: str) -> float:
    began = time.monotonic()
    saying: dict[str, str] = {}

    def agreed() -> bool:
        said = told(running)
        saying[said[0]] = said[place]
        return len(saying) == 2 and set(saying.values()) == {what}

    eventually(agreed, 15)
    return time.monotonic() - began


def test_a_flag_that_is_set_is_known_to_every_worker_within_five_seconds(serving: Served) -> None:
    assert told(serving)[1] == "False"
    reply = httpx.put(f"{serving.url}/admin/flags", json={"STRICT_DEFAULT": True}, headers=ADMIN)
    assert reply.status_code == 200
    assert seconds_until_every_worker_says(serving, 1, "True") < 5
    httpx.delete(f"{serving.url}/admin/flags", headers=ADMIN)
    assert seconds_until_every_worker_says(serving, 1, "False") < 5


def test_a_changed_settings_file_is_known_to_every_worker_within_five_seconds(serving: Served) -> None:
    file = serving.folder / "lukhas.yaml"
    file.write_text(SETTINGS.replace("BROWSER_TOOL: off", "BROWSER_TOOL: 100%"))
    assert seconds_until_every_worker_says(serving, 2, "True") < 5
    shown = httpx.get(f"{serving.url}/admin/flags", headers=ADMIN).json()["flags"]
    assert shown["BROWSER_TOOL"] == {"value": "100%", "source": "settings"}


def test_a_card_is_known_to_every_worker_within_five_seconds(serving: Served) -> None:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
    reply = httpx.post(f"{serving.url}/v1/chat/completions", json=body, headers=ADA)
    assert reply.status_code == 200
    card = {"target_action_id": reply.headers["x-lukhas-audit-id"], "rating": 1}
    rated = httpx.post(f"{serving.url}/feedback/card", json=card, headers=ADA)
    assert rated.json()["lut"]["style"]["temperature_delta"] == -0.1
    assert seconds_until_every_worker_says(serving, 3, "-0.1") < 5


def test_what_was_set_and_rated_holds_after_a_restart(serving: Served, folder: Path) -> None:
    httpx.put(f"{serving.url}/admin/flags", json={"STRICT_DEFAULT": "on"}, headers=ADMIN)
    serving.process.terminate()
    serving.process.wait(20)
    with served(folder, "--simulate", settings=SETTINGS, environ=ENVIRON) as again:
        assert told(again)[1:4] == ["True", "False", "-0.1"]


def test_a_state_that_is_damaged_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "state.db").write_bytes(b"this is no database" * 500)
    with pytest.raises(AssertionError, match=r"state\.db cannot be used: file is not a database"), served(tmp_path):
        pass
    assert (tmp_path / "data" / "state.db").read_bytes() == b"this is no database" * 500
