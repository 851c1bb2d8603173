"""Looks for input that breaks something: python -m tests.fuzz TOOLS SECONDS, half for the parsers, half for our routes.

TOOLS has schemathesis, and atheris where there is one for this Python. Exit status 1 where something broke.
"""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.builders.served import served
from tests.fuzz.parsers import TARGETS

ROOT = Path(__file__).parent.parent.parent
CORPUS = ROOT / ".cache" / "fuzz" / "corpus"
ADMIN = "an-admin-of-an-hour"
LEAST_SECONDS = 2
# In less it has hardly begun.
LEAST_SECONDS_OF_ROUTES = 20


def parsers(tools: Path, seconds: int) -> Iterator[str]:
    """Runs atheris on each parser; names those that broke."""
    python = str(tools / "python")
    if subprocess.run([python, "-c", "import atheris"], capture_output=True, check=False).returncode:
        print("NOT FUZZED: there is no atheris for this Python; the parsers had the input of `make test` alone.")
        return
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_paths()["purelib"]])}
    for name in TARGETS:
        print(f"{name}: {seconds} s", flush=True)
        command = [python, "-m", "tests.fuzz.with_atheris", name, str(CORPUS / name), str(seconds)]
        ran = subprocess.run(command, cwd=ROOT, env=environ, check=False, capture_output=True, text=True)
        if ran.returncode:
            print(ran.stdout[-2000:], ran.stderr[-4000:])
            yield name


def routes(tools: Path, seconds: int) -> Iterator[str]:
    """Asks our own routes what their document allows, and what it does not; none may answer with 5xx."""
    environ = {"LUKHAS_ADMIN_KEY": ADMIN}
    with (
        TemporaryDirectory(prefix="lukhas-") as folder,
        served(Path(folder), "--simulate", environ=environ) as running,
    ):
        command = [
            *(str(tools / "schemathesis"), "run", f"{running.url}/openapi.json", "--header", f"x-api-key: {ADMIN}"),
            *("--checks", "not_a_server_error", "--max-time", str(seconds), "--continue-on-failure"),
            *("--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all"),
        ]
        ran = subprocess.run(command, cwd=folder, check=False)
        if running.process.poll() is not None or ran.returncode:
            print(running.complaints[-4000:])
            yield "routes"


def main(tools: Path, seconds: int) -> int:
    """Runs both, and says what broke."""
    each = max(LEAST_SECONDS, seconds // 2 // len(TARGETS))
    broke = [*parsers(tools, each), *routes(tools, max(LEAST_SECONDS_OF_ROUTES, seconds // 2))]
    print(f"BROKE: {', '.join(broke)}" if broke else "Nothing broke.")
    return 1 if broke else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), int(sys.argv[2])))
