"""The state on both databases: what holds on one holds on the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.state.database import Migration
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from tests.builders.postgresql import PostgreSql, running_postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """A PostgreSQL server."""
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))])
def address(request: pytest.FixtureRequest) -> str | None:
    """What `storage.state_url` says."""
    if request.param == "sqlite":
        return None
    server: PostgreSql = request.getfixturevalue("postgresql")
    return server.address()


@pytest.fixture
def opened(address: str | None, tmp_path: Path) -> Iterator[Callable[..., State]]:
    """Opens the state, as often as a test asks."""
    states: list[State] = []

    def open_state(*, migrate: Migration | None = brought_up_to_date) -> State:
        state = State(tmp_path, address)
        states.append(state)
        state.open(migrate)
        return state

    yield open_state
    for state in states:
        state.close()


@pytest.fixture
def state(opened: Callable[..., State]) -> State:
    """The state, new and open."""
    return opened()
