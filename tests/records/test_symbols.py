"""Symbols from being bound to being forgotten, through a whole gateway with two workers."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from gateway.simulator import create_app
from storage.segments import SegmentReader, segments
from tests.builders.served import Served, eventually, lukhas, served
from tests.builders.servers import run_server

ADA, BOB = ({"authorization": f"Bearer lk-{name}"} for name in ("ada", "bob"))
SOON = 30
"""In seconds: a worker knows of a change within five; on a busy machine the looks themselves take longer."""
SIGN = "🫠🫠"
SYMBOLS = "/feedback/symbols"


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    with run_server(create_app()) as url:
        yield url


@pytest.fixture(scope="module")
def running(simulator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = {
        "auth": {"keys": [{"key": "lk-ada", "owner": "ada"}, {"key": "lk-bob", "owner": "bob"}]},
        "mode": "enforce",
        "plugins": {"log": {"to": "nowhere"}},
        "server": {"workers": 2},
        "upstream": {"api_key": "sk-any", "url": f"{simulator}/v1"},
    }
    with served(tmp_path_factory.mktemp("symbols"), settings=json.dumps(settings)) as running:
        yield running


def sent(method: str, url: str, caller: dict[str, str], body: Any = None) -> httpx.Response:
    """A request over a connection of its own, so that any worker may meet it."""
    with httpx.Client(verify=False, timeout=20) as client:
        reply = client.request(method, url, json=body, headers={**caller, "connection": "close"})
    assert reply.status_code == 200, reply.text
    return reply


def bound(running: Served, intent: str, *, consent: bool) -> None:
    sent("PUT", f"{running.url}{SYMBOLS}", ADA, {"consent": consent, "symbols": [{"symbol": SIGN, "intent": intent}]})


def recorded(running: Served, audit_id: str) -> tuple[str, dict[str, Any]] | None:
    """The record of an exchange, and the worker that wrote it."""
    for segment in segments(running.data / "journal"):
        for line in SegmentReader(segment):
            record = msgspec.json.decode(line.text)
            if record["event"] == "ended" and record["audit_id"] == audit_id:
                return segment.writer, record
    return None


class Prompted:
    """What became of a prompt with the sign: its record, who wrote it, and what went out."""

    def __init__(self, running: Served, simulator: str, caller: dict[str, str]) -> None:
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"Tell me about rivers {SIGN}"}]}
        audit_id = sent("POST", f"{running.url}/v1/chat/completions", caller, body).headers["x-lukhas-audit-id"]
        self.out = json.loads(sent("GET", f"{simulator}/_last", {}).json()["body"])["messages"]
        self.writer, self.record = eventually(lambda: recorded(running, audit_id))

    @property
    def meant(self) -> list[str]:
        """The levels that the plugin found, and why."""
        found = [step["answer"] for step in self.record["trail"] if step["plugin"] == "symbols" and "answer" in step]
        return [because for answer in found for because in answer.get("because", {}).values()]

    @property
    def explained(self) -> list[str]:
        """The lines that went out about the sign."""
        return [
            line
            for message in self.out
            if message["role"] != "user"
            for line in message["content"].splitlines()
            if SIGN in line
        ]


def prompts(running: Served, simulator: str, caller: dict[str, str] = ADA) -> list[Prompted]:
    """As many as it takes until both workers have met one."""
    met: list[Prompted] = []
    while len({each.writer for each in met}) < 2:
        met.append(Prompted(running, simulator, caller))
        assert len(met) < 200, "one worker alone is met"
    return met


def in_both(running: Served, simulator: str, meant: list[str], explained: bool) -> bool:
    found = prompts(running, simulator)
    return all((each.meant, bool(each.explained)) == (meant, explained) for each in found)


def test_a_sign_acts_is_explained_with_consent_and_is_gone_when_it_is_taken_away(
    running: Served, simulator: str
) -> None:
    assert in_both(running, simulator, [], False)
    bound(running, "reject", consent=True)
    reject = ["a sign of the user's own means reject"]
    eventually(lambda: in_both(running, simulator, reject, True), SOON)
    one = Prompted(running, simulator, ADA)
    assert one.record["signals"]["stress"] >= 0.5
    assert one.explained == [f'Signs of the user\'s own in the next message: "{SIGN}" means reject (that is wrong).']
    assert one.out[-1] == {"role": "user", "content": f"Tell me about rivers {SIGN}"}
    for other in prompts(running, simulator, BOB):
        assert (other.meant, other.explained) == ([], [])
    asked = json.dumps({"model": "gpt-4o-mini", "messages": [one.out[-1]]})
    shown = lukhas("explain", "-", "--data", "data", "--key-owner", "ada", cwd=running.folder, given=asked)
    assert "means reject (that is wrong)" in shown.stdout, shown.stderr
    bound(running, "soften", consent=False)
    soften = ["a sign of the user's own means soften"]
    eventually(lambda: in_both(running, simulator, soften, False), SOON)
    assert sent("DELETE", f"{running.url}{SYMBOLS}", ADA).json() == {"removed": True}
    eventually(lambda: in_both(running, simulator, [], False), SOON)
    kept = b"".join(path.read_bytes() for path in running.folder.rglob("*") if path.is_file())
    assert SIGN.encode() not in kept
    assert json.dumps(SIGN).strip('"').encode() not in kept


def test_who_is_erased_means_nothing_by_a_sign_from_then_on(running: Served, simulator: str) -> None:
    bound(running, "reject", consent=True)
    eventually(lambda: Prompted(running, simulator, ADA).meant, SOON)
    sent("DELETE", f"{running.url}/me/data", ADA)
    eventually(lambda: in_both(running, simulator, [], False), SOON)
    assert sent("GET", f"{running.url}{SYMBOLS}", ADA).json()["symbols"] == []
