"""The example plugin is a package of its own: installed, tested as such, and found by its entry point."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.surroundings import EXAMPLE, SECONDS


def test_its_own_tests_pass_with_the_installed_package(reader: dict[str, str], tmp_path: Path) -> None:
    told = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLE / "tests", reader=reader)

    assert re.search(r"^[1-9]\d+ passed", told, re.MULTILINE), told


def test_the_chain_finds_it_by_its_entry_point(reader: dict[str, str], tmp_path: Path) -> None:
    settings = tmp_path / "lukhas.yaml"
    settings.write_text("chain: [default, no_secrets]\n")

    told = json.loads(run("lukhas", "plugins", "--config", settings, "--json", reader=reader))

    asked = [step for step in told["chain"] if step["plugin"] == "no_secrets"]
    assert [step["hook"] for step in asked] == ["judge", "shape", "allow_tool", "watch"]
    assert {step["origin"] for step in asked} == {"lukhas-no-secrets"}


def run(*arguments: str | Path, reader: dict[str, str]) -> str:
    """Gives what a command writes; it must succeed."""
    done = subprocess.run(
        [str(each) for each in arguments],
        cwd=EXAMPLE,
        env=reader,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
