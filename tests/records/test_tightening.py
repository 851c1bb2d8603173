"""Tightening through a whole gateway: at once here, soon in every worker, through kills, until it is given back."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest

from gateway.settings import SHIPPED_CHAIN
from gateway.simulator import create_app
from tests.builders.gateway import running_gateway
from tests.builders.served import eventually, served
from tests.builders.servers import run_server

RULES = """
tightening:
  - {name: repeated, blocked: 3, within_seconds: 600, for_seconds: 3600}
  - {name: every, blocked: 2, within_seconds: 600, for_seconds: 3600, withhold: all, tools: ["rm_*"], strict: true}
"""
GOVERNED = [*SHIPPED_CHAIN, *(() if "tool_governance" in SHIPPED_CHAIN else ("tool_governance",))]
ADA, BOB, OFFICER = ({"authorization": f"Bearer lk-{name}"} for name in ("ada", "bob", "officer"))
KEYS: list[dict[str, Any]] = [
    {"key": "lk-ada", "owner": "ada"},
    {"key": "lk-bob", "owner": "bob"},
    {"key": "lk-officer", "owner": "officer", "permissions": ["admin:tightenings", "audit:read"]},
]


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    with run_server(create_app()) as url:
        yield url


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "tools.yaml").write_text(RULES)
    return folder


def sent(method: str, url: str, caller: dict[str, str], body: dict[str, Any] | None = None) -> httpx.Response:
    """A request over a connection of its own, so that any worker may meet it."""
    headers = {**caller, "connection": "close"}
    with httpx.Client(verify=False, timeout=20) as client:
        reply = client.request(method, url, json=body, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply


def calling(url: str, tool: str) -> None:
    """A request in answer to which the model calls a tool that nobody offered."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"!tool {tool} {{}}"}]}
    sent("POST", f"{url}/v1/chat/completions", ADA, body)


def offered(url: str, simulator: str, caller: dict[str, str] = ADA, tool: str = "wipe") -> list[str]:
    """The tools that went out of a request that offers this one."""
    function = {"type": "function", "function": {"name": tool, "parameters": {"type": "object"}}}
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}], "tools": [function]}
    sent("POST", f"{url}/v1/chat/completions", caller, body)
    last = json.loads(sent("GET", f"{simulator}/_last", {}).json()["body"])
    return [each["function"]["name"] for each in last.get("tools", ())]


def test_the_next_request_on_this_worker_meets_it_and_other_callers_do_not(simulator: str, policies: Path) -> None:
    sections: dict[str, Any] = {"auth": {"keys": KEYS}, "chain": GOVERNED, "upstream": {"api_key": "sk-any"}}
    with running_gateway(simulator, policies={"folder": str(policies)}, **sections) as running:
        for _ in range(2):
            calling(running.url, "wipe")
        assert offered(running.url, simulator) == ["wipe"]
        calling(running.url, "wipe")
        began = perf_counter()
        assert running.gateway.pushed.standing("key:ada").withheld
        assert perf_counter() - began < 0.05
        assert offered(running.url, simulator) == []
        assert offered(running.url, simulator, BOB) == ["wipe"]
        (tightening,) = (line for line in running.lines() if line["event"] == "tightening")
        assert (tightening["tool"], tightening["rule"]) == ("wipe", "repeated")
        assert [line["tool"] for line in running.lines() if line["event"] == "incident"] == ["wipe"] * 3


def test_a_strict_rule_holds_the_caller_in_strict_mode(simulator: str, policies: Path) -> None:
    sections: dict[str, Any] = {"auth": {"keys": KEYS}, "chain": GOVERNED, "upstream": {"api_key": "sk-any"}}
    with running_gateway(simulator, policies={"folder": str(policies)}, mode="enforce", **sections) as running:
        for tool in ("rm_all", "rm_more"):
            calling(running.url, tool)
        assert offered(running.url, simulator) == []
        record = running.records(3)[-1]
        assert record["safety_mode"] == "strict"


def test_every_worker_meets_it_soon_it_stays_through_a_kill_and_a_release_ends_it(
    simulator: str, policies: Path, tmp_path: Path
) -> None:
    settings = {
        "auth": {"keys": KEYS},
        "chain": GOVERNED,
        "plugins": {"log": {"to": "nowhere"}},
        "policies": {"folder": str(policies)},
        "server": {"workers": 2},
        "upstream": {"api_key": "sk-any", "url": f"{simulator}/v1"},
    }
    folder = tmp_path / "served"
    folder.mkdir()
    with served(folder, settings=json.dumps(settings)) as running:
        for _ in range(3):
            calling(running.url, "wipe")
        eventually(lambda: not any(offered(running.url, simulator) for _ in range(6)), 10)
        assert offered(running.url, simulator, BOB) == ["wipe"]
        eventually(lambda: "wipe" in (running.data / "pushed.json").read_text(), 10)
        for _ in range(3):
            calling(running.url, "burn")
        # Nobody has had the time to tell the other worker or to keep it anywhere but in the journal.
        for process in (running.process.pid, *running.pids("worker"), *running.pids("office")):
            os.kill(process, signal.SIGKILL)
    with served(folder, settings=json.dumps(settings)) as running:
        assert offered(running.url, simulator) == []
        eventually(lambda: not any(offered(running.url, simulator, tool="burn") for _ in range(6)), 10)
        listed = sent("GET", f"{running.url}/tools/tightenings", ADA).json()["tightenings"]
        assert [(each["tool"], each["rule"]) for each in listed] == [("wipe", "repeated"), ("burn", "repeated")]
        path = f"{running.url}/tools/tightenings/{listed[0]['id']}"
        assert sent("DELETE", path, OFFICER).json() == {"released": True}
        eventually(lambda: all(offered(running.url, simulator) for _ in range(6)), 10)
        calling(running.url, "wipe")
        assert offered(running.url, simulator) == ["wipe"]


def test_a_preview_knows_at_once_what_this_worker_withholds(simulator: str, policies: Path, tmp_path: Path) -> None:
    settings = {
        "auth": {"keys": [*KEYS, {"key": "lk-viewer", "owner": "viewer", "permissions": ["admin:modulation"]}]},
        "chain": GOVERNED,
        "plugins": {"log": {"to": "nowhere"}},
        "policies": {"folder": str(policies)},
        "upstream": {"api_key": "sk-any", "url": f"{simulator}/v1"},
    }
    tools = [{"type": "function", "function": {"name": "wipe", "parameters": {"type": "object"}}}]
    request = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}], "tools": tools}
    with served(tmp_path, settings=json.dumps(settings)) as running:
        for _ in range(3):
            calling(running.url, "wipe")
        asked = {"request": request, "principal": "key:ada"}
        viewer = {"authorization": "Bearer lk-viewer"}
        found = sent("POST", f"{running.url}/admin/modulation/preview", viewer, asked).json()
        assert offered(running.url, simulator) == []
    assert (found["tools"]["offered"], found["tools"]["removed"]) == ([], ["wipe"])
