"""Fetches the source of the locked OpenAI SDK, whose tests are not part of its wheel."""

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

LOCK = Path(__file__).parents[2] / "requirements" / "test.txt"
SUITE = "tests/api_resources"


class NoSource(Exception):
    """The SDK's source could not be fetched, or is not what it was."""


def sdk_source(cache: Path) -> Path:
    """Gives the folder of the SDK's source, fetched by pip once and checked against the hash in the lock."""
    name = f"openai-{version('openai')}"
    source = cache / name
    if not source.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            archive = _download(Path(scratch), locked_requirement(LOCK.read_text(), "openai"))
            with tarfile.open(archive) as tar:
                tar.extractall(scratch, filter="data")
            shutil.move(Path(scratch) / name, source)
    if not (source / SUITE).is_dir():
        raise NoSource(f"{source} has no {SUITE}: the SDK keeps its tests elsewhere now.")
    return source


def locked_requirement(lock: str, package: str) -> str:
    """Gives the lines of a requirements file that pin one package, with its hashes."""
    found = re.search(rf"^{re.escape(package)}==[^\n]*\\\n(?:    --hash=[^\n]*\n)+", lock, re.MULTILINE)
    if found is None:
        raise NoSource(f"The lock does not pin {package} with hashes.")
    return found[0]


def _download(folder: Path, requirement: str) -> Path:
    wanted = folder / "requirement.txt"
    wanted.write_text(requirement)
    options = ["--quiet", "--no-deps", "--no-binary", "openai", "--no-build-isolation", "--require-hashes"]
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", *options]
    run = subprocess.run([*pip, "-d", str(folder), "-r", str(wanted)], capture_output=True, text=True, check=False)
    archives = list(folder.glob("*.tar.gz"))
    if run.returncode or not archives:
        raise NoSource(f"pip could not fetch the SDK's source:\n{run.stderr[-2000:]}")
    return archives[0]
