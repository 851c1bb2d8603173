"""The Python SDK's own API tests, against a mock made from the OpenAI document: directly, and through the gateway."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.suites.outcomes import Outcome, compare, counts, read_outcomes
from tests.suites.processes import NODE, gateway, mock_server, node_environment
from tests.suites.sdk_source import SUITE, sdk_source

CACHE = Path(__file__).parents[2] / ".cache"
DOCUMENT = os.environ.get("OPENAPI", "")
WORKERS = 2
# Far fewer tests mean that the run broke, not that the SDK shrank.
FEWEST = 5000

# The mock fills the `required_action` of a run with calls of a name that it invents: those are not to be delivered.
INVENTED = "which it was not offered"
RUNS = tuple(f"tests.api_resources.beta.{module}." for module in ("test_threads", "threads.test_runs"))

pytestmark = pytest.mark.full


def run_suite(source: Path, base_url: str, report: Path) -> dict[str, Outcome]:
    """Runs the suite against an address and reads what became of each test."""
    options = ["-q", "-n", str(WORKERS), "--tb=line", "-p", "no:cacheprovider", "-o", "addopts="]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", SUITE, *options, f"--junitxml={report}"],
        cwd=source,
        env=node_environment(TEST_API_BASE_URL=base_url),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"The SDK's suite did not run:\n{(run.stdout + run.stderr)[-4000:]}")
    return read_outcomes(report)


@pytest.mark.timeout(900)
@pytest.mark.skipif(
    not DOCUMENT, reason="THE SDK'S OWN SUITE DID NOT RUN: name the OpenAI document with OPENAPI=path/to/openapi.yaml"
)
@pytest.mark.skipif(not (NODE / "node_modules").is_dir(), reason="THE SDK'S OWN SUITE DID NOT RUN: make setup-node")
def test_nothing_fails_through_the_gateway_that_passes_directly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = sdk_source(CACHE)
    with mock_server(Path(DOCUMENT).resolve(), tmp_path) as mock:
        direct = run_suite(source, mock, tmp_path / "direct.xml")
        with gateway(mock, tmp_path) as address:
            through = run_suite(source, address, tmp_path / "through.xml")
    found = compare(direct, through)
    with capsys.disabled():
        sys.stdout.write(f"\n{source.name} {SUITE}\n  directly: {counts(direct.values())}\n")
        sys.stdout.write(f"  through:  {counts(through.values())}\n")
        sys.stdout.write(f"  of them the gateway refused what nobody had offered: {len(found.lost)}\n")
    assert len(direct) > FEWEST
    lost = [each for each in found.lost if INVENTED not in each or not each.startswith(RUNS)]
    assert not lost, "\n".join(lost[:50])
    assert not found.changed, "\n".join(found.changed[:50])
