"""When the gateway is ready, degraded, or unready."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway import hookimpl
from gateway.loader import Common, Plugin, chain_of
from gateway.readiness import Readiness
from identity.keyring import Keyring
from storage.journal import Journal


class Plain:
    """Says nothing of its health."""


class Ailing:
    @hookimpl
    def health(self) -> str | None:
        return "out of breath"


class Fainting:
    @hookimpl
    def health(self) -> str | None:
        raise RuntimeError("no pulse")


def asked(
    folder: Path,
    plugin: object,
    *,
    open_plugin: bool = False,
    journal_failure: str | None = None,
    bodies_failure: str | None = None,
    keyring_failure: str | None = None,
    office: Callable[[], str | None] = lambda: None,
    ticks: Callable[[], str | None] = lambda: None,
    carry_on: bool = False,
) -> tuple[int, dict[str, Any]]:
    common = Common(failure="open", reason="for the test") if open_plugin else Common()
    chain = chain_of([Plugin("it", "1", "test", plugin, common)], lambda *_: None)
    journal = Journal(folder, "w")
    journal.failure = journal_failure
    bodies = Journal(folder, "w-bodies")
    bodies.failure = bodies_failure
    keyring = Keyring(folder)
    keyring.failure = keyring_failure
    ready = Readiness(chain, journal, keyring, office, carry_on=carry_on, bodies=bodies, ticks_fault=ticks)
    status, _, body = ready.page()
    return status, msgspec.json.decode(body)


def test_all_is_well(tmp_path: Path) -> None:
    assert asked(tmp_path, Plain()) == (200, {"status": "ready", "faults": {}})


def test_without_the_office_the_gateway_is_degraded_and_serves(tmp_path: Path) -> None:
    found = asked(tmp_path, Plain(), office=lambda: "Connection refused")
    assert found == (200, {"status": "degraded", "faults": {"office": "Connection refused"}})


def test_a_worker_that_cannot_hear_what_changed_is_degraded_and_serves(tmp_path: Path) -> None:
    found = asked(tmp_path, Plain(), ticks=lambda: "Looking after policies failed.")
    assert found == (200, {"status": "degraded", "faults": {"ticks": "Looking after policies failed."}})


def test_a_plugin_that_cannot_work_makes_it_unready(tmp_path: Path) -> None:
    assert asked(tmp_path, Ailing()) == (503, {"status": "unready", "faults": {"it": "out of breath"}})


def test_a_plugin_whose_failures_are_open_makes_it_degraded(tmp_path: Path) -> None:
    assert asked(tmp_path, Ailing(), open_plugin=True)[1]["status"] == "degraded"


def test_a_health_check_that_raises_is_a_fault_and_no_500(tmp_path: Path) -> None:
    status, found = asked(tmp_path, Fainting())
    assert status == 503
    assert found["faults"] == {"it": "its health check failed: RuntimeError: no pulse"}


@pytest.mark.parametrize(("carry_on", "status"), [(False, 503), (True, 200)])
def test_a_journal_that_cannot_be_written_stops_it_unless_exchanges_may_pass(
    tmp_path: Path, carry_on: bool, status: int
) -> None:
    found = asked(tmp_path, Plain(), journal_failure="No space left on device", carry_on=carry_on)
    assert found[0] == status
    assert found[1]["faults"] == {"journal": "No space left on device"}


@pytest.mark.parametrize(("carry_on", "status"), [(False, 503), (True, 200)])
def test_without_the_keyring_it_serves_only_where_the_operator_carries_on(
    tmp_path: Path, carry_on: bool, status: int
) -> None:
    found = asked(tmp_path, Plain(), keyring_failure="keys/people.db is damaged", carry_on=carry_on)
    word = "degraded" if carry_on else "unready"
    assert found == (status, {"status": word, "faults": {"keyring": "keys/people.db is damaged"}})


def test_bodies_that_cannot_be_kept_stop_it_too(tmp_path: Path) -> None:
    found = asked(tmp_path, Plain(), bodies_failure="No space left on device")
    assert found == (503, {"status": "unready", "faults": {"bodies": "No space left on device"}})
