"""Loops of the agents SDK come to the same through a gateway that enforces as they do directly."""

import json
import subprocess
from typing import Any

import pytest

from gateway.simulator import create_app
from tests.builders.gateway import running_gateway
from tests.builders.servers import run_server
from tests.docs.blocks import ROOT

PYTHON = ROOT / ".cache" / "agents" / "bin" / "python"
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not PYTHON.exists(), reason="THE AGENTS SDK DID NOT RUN: make setup-agents"),
]


def loops(base_url: str) -> dict[str, Any]:
    """What each loop came to."""
    command = [str(PYTHON), "-m", "tests.suites.agents_loop", base_url]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_loops_of_agents_come_to_the_same_as_directly() -> None:
    with run_server(create_app(lambda: 1_700_000_000)) as upstream:
        direct = loops(f"{upstream}/v1")
    # What is new to a caller is meant to change how it is asked; all else has to be calm.
    calm = {"signals": {"off": ["novelty"]}}
    with (
        run_server(create_app(lambda: 1_700_000_000)) as upstream,
        running_gateway(upstream, mode="enforce", plugins=calm) as running,
    ):
        through = loops(running.base_url)
        records = running.records()

    assert len(direct) == 12
    assert "rain in Bergen" in json.dumps(direct)
    assert through == direct
    assert {each["outcome"] for each in records} == {"answered"}
    assert [each["changes"] for each in records if "changes" in each] == []
    assert [each["tools"] for each in records if "blocked" in each.get("tools", {})] == []
