"""What the pages are read with."""

import shutil
from pathlib import Path

import pytest

from tests.docs.surroundings import EXAMPLE, environment, install


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip installed the example plugin, and nothing else."""
    source = tmp_path_factory.mktemp("source") / EXAMPLE.name
    shutil.copytree(EXAMPLE, source)
    folder = tmp_path_factory.mktemp("installed")
    install(source, folder)
    return folder


@pytest.fixture(scope="session")
def reader(installed: Path) -> dict[str, str]:
    """The environment of a reader who has installed the example plugin."""
    return environment(installed)
