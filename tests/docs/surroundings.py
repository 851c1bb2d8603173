"""A reader's surroundings: the project's commands on the path, the example plugin installed, and nothing else set."""

import os
import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "no_secrets"
SECONDS = 60
_OURS = ("LUKHAS_", "OPENAI_", "FLAG_", "PYTEST_")


def environment(*packages: Path) -> dict[str, str]:
    """The environment of a reader who has installed these folders of packages too."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    node = (str(folder) for folder in (ROOT / "tests/suites/node/node_modules").glob("node-*/bin"))
    programs = (str(Path(sys.executable).parent), *node, kept.get("PATH", os.defpath))
    return {
        **kept,
        "PATH": os.pathsep.join(programs),
        "PYTHONPATH": os.pathsep.join(map(str, (*packages, ROOT))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }


def install(source: Path, folder: Path) -> None:
    """Installs a package into a folder of its own, with nothing of the network and nothing of the environment."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"),
            *("--no-deps", "--no-build-isolation", "--target", str(folder), str(source)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout
