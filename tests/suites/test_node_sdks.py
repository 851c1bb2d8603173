"""The SDKs of the JavaScript world, used as their documentation says, against the simulator through the gateway."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.simulator.app import create_app
from tests.builders.servers import run_server
from tests.suites.outcomes import read_outcomes
from tests.suites.processes import NODE, gateway, node_environment

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not (NODE / "node_modules").is_dir(), reason="THE NODE SDKS DID NOT RUN: make setup-node"),
]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The addresses that a script is told."""

    base_url: str
    simulator: str


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    folder = tmp_path_factory.mktemp("gateway")
    with run_server(create_app()) as simulator, gateway(f"{simulator}/v1", folder) as base_url:
        yield Surroundings(base_url, simulator)


def failures(script: str, surroundings: Surroundings, report: Path) -> dict[str, str]:
    """Runs a script under Node's own test runner; gives what failed and why."""
    reporting = ["--test-reporter=junit", f"--test-reporter-destination={report}"]
    run = subprocess.run(
        ["node", "--test", *reporting, script],
        cwd=NODE,
        env=node_environment(BASE_URL=surroundings.base_url, SIMULATOR=surroundings.simulator),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    outcomes = read_outcomes(report)
    found = {test: outcome.message for test, outcome in outcomes.items() if outcome.kind != "passed"}
    if len(outcomes) < 2 or (run.returncode and not found):
        found[script] = f"did not run: {run.stdout}{run.stderr}"
    return found


def test_the_official_node_sdk_works_through_the_gateway(surroundings: Surroundings, tmp_path: Path) -> None:
    assert failures("openai.test.mjs", surroundings, tmp_path / "report.xml") == {}


def test_the_vercel_ai_sdk_works_through_the_gateway(surroundings: Surroundings, tmp_path: Path) -> None:
    assert failures("ai-sdk.test.mjs", surroundings, tmp_path / "report.xml") == {}
