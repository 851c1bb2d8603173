"""What the tests of records share: a gateway of two workers, and a client for each caller."""

from collections.abc import Iterator

import pytest

from tests.builders.served import Served, served
from tests.records.asking import SETTINGS


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway before a simulated upstream; requests meet either of two workers."""
    with served(tmp_path_factory.mktemp("serving"), "--simulate", "--workers", "2", settings=SETTINGS) as running:
        yield running
