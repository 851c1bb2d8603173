"""Policies that change while a process runs: by their files, and never by a mistake in one."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.live_policies import LivePolicies, unread_in
from gateway.settings import Loaded, Policies, Settings
from gateway.simulator import create_app
from policies.document import DocumentError
from policies.tiers import Tiers
from tests.builders.gateway import RunningGateway, running_gateway, until
from tests.builders.servers import run_server

SHIPPED = (files("policies") / "modulation.yaml").read_text()
TEMPERATURE = "1 - 0.85 * x"
CALMER = SHIPPED.replace(TEMPERATURE, "0.1")
LISTED = "client_tools: listed\n"
WRONG = SHIPPED.replace(TEMPERATURE, "1 - 0.85 * risk")
SAYS = "unknown name 'risk'"


def looked(policies: LivePolicies) -> list[tuple[str, str]]:
    """Looks twice, as time passes; gives what was read again, and what became of it."""
    return [(change.file, change.result) for _ in range(2) for change in policies.catch_up()]


def test_a_changed_file_comes_into_force_and_changes_the_revision(tmp_path: Path) -> None:
    policies = LivePolicies(tmp_path)
    before, shipped = policies.revision, LivePolicies().revision
    assert before == shipped
    (tmp_path / "modulation.yaml").write_text(CALMER)
    assert looked(policies) == [("modulation.yaml", "taken")]
    assert policies.revision != before
    assert policies.modulation.revision == policies.revisions["modulation.yaml"]
    assert looked(policies) == []


def test_a_file_that_is_being_written_is_read_when_it_stands_still(tmp_path: Path) -> None:
    policies = LivePolicies(tmp_path)
    (tmp_path / "modulation.yaml").write_text(CALMER)
    assert policies.catch_up() == []
    (tmp_path / "modulation.yaml").write_text(CALMER + "# and more\n")
    assert policies.catch_up() == []
    assert [change.result for change in policies.catch_up()] == ["taken"]


def test_a_wrong_file_leaves_the_old_one_and_says_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    policies = LivePolicies(tmp_path)
    before, revision = policies.modulation, policies.revision
    (tmp_path / "modulation.yaml").write_text(WRONG)
    assert looked(policies) == [("modulation.yaml", "refused")]
    assert (policies.modulation, policies.revision) == (before, revision)
    assert SAYS in (policies.failure or "")
    assert looked(policies) == []
    assert caplog.text.count(SAYS) == 1
    (tmp_path / "modulation.yaml").write_text(CALMER)
    assert looked(policies) == [("modulation.yaml", "taken")]
    assert policies.failure is None


@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_file_in_force_that_goes_still_holds_until_there_is_another(tmp_path: Path, from_the_start: bool) -> None:
    file = tmp_path / "tools.yaml"
    if from_the_start:
        file.write_text(LISTED)
    policies = LivePolicies(tmp_path)
    if not from_the_start:
        file.write_text(LISTED)
        assert looked(policies) == [("tools.yaml", "taken")]
    revision = policies.revision
    file.unlink()
    assert looked(policies) == [("tools.yaml", "refused")]
    assert (policies.tools.client_tools, policies.revision) == ("listed", revision)
    assert "tools.yaml is gone" in (policies.failure or "")
    file.write_text("client_tools: pass\n")
    assert looked(policies) == [("tools.yaml", "taken")]
    assert (policies.tools.client_tools, policies.failure) == ("pass", None)


def test_a_wrong_file_that_never_held_may_go(tmp_path: Path) -> None:
    policies = LivePolicies(tmp_path)
    (tmp_path / "modulation.yaml").write_text(WRONG)
    assert looked(policies) == [("modulation.yaml", "refused")]
    (tmp_path / "modulation.yaml").unlink()
    assert looked(policies) == [("modulation.yaml", "taken")]
    assert (policies.revision, policies.failure) == (LivePolicies().revision, None)


def test_a_link_that_leads_nowhere_in_the_place_of_a_file_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "tools.yaml"
    file.write_text(LISTED)
    policies = LivePolicies(tmp_path)
    file.unlink()
    file.symlink_to("a" * 300)
    assert looked(policies) == [("tools.yaml", "refused")]
    assert "File name too long" in (policies.failure or "")
    file.unlink()
    file.write_text(LISTED)
    assert looked(policies) == [("tools.yaml", "taken")]
    assert policies.failure is None


def test_files_that_nobody_reads_are_named(tmp_path: Path) -> None:
    for name in ("tools.yml", "Tiers.yaml", "prices.yaml", "mine.yaml", "README.md"):
        (tmp_path / name).touch()
    settings = Settings(policies=Policies(folder=str(tmp_path)))
    named = [sentence.partition(":")[0] for sentence in unread_in(Loaded(settings, tmp_path / "mine.yaml"))]
    assert named == [f"Nobody reads {tmp_path / name}" for name in ("Tiers.yaml", "tools.yml")]


def test_a_folder_that_goes_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "modulation.yaml").write_text(CALMER)
    policies = LivePolicies(folder)
    revision = policies.revision
    (folder / "modulation.yaml").unlink()
    folder.rmdir()
    assert looked(policies) == [("modulation.yaml", "refused")]
    assert policies.revision == revision
    assert "is no folder" in (policies.failure or "")


def test_what_a_plugin_cannot_work_with_does_not_come_into_force(tmp_path: Path) -> None:
    def with_t2(tiers: Tiers) -> None:
        if not tiers.knows("T2"):
            raise DocumentError("tiers.yaml: somebody has the tier T2.")

    policies = LivePolicies(tmp_path)
    policies.require("tiers", with_t2)
    (tmp_path / "tiers.yaml").write_text("{order: [T1], models: {}, endpoints: {}}")
    assert looked(policies) == [("tiers.yaml", "refused")]
    assert policies.tiers.knows("T2")


def test_a_plugin_may_refuse_the_one_in_force() -> None:
    def never(_: Tiers) -> None:
        raise DocumentError("tiers.yaml: no.")

    with pytest.raises(DocumentError, match="no"):
        LivePolicies().require("tiers", never)


def test_a_wrong_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tools.yaml").write_text("client_tools: perhaps")
    with pytest.raises(DocumentError, match=r"tools\.yaml"):
        LivePolicies(tmp_path)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway that enforces, with policies in `tmp_path`."""
    policies = {"folder": str(tmp_path)}
    with run_server(create_app()) as simulator, running_gateway(simulator, mode="enforce", policies=policies) as one:
        yield one


def asked(running: RunningGateway) -> dict[str, Any]:
    """Asks something risky; gives the record."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": "Bearer sk-any", "x-lukhas-signals": "alignment_risk=0.6"}
    answer = httpx.post(f"{running.base_url}/chat/completions", json=body, headers=headers)
    return running.record_of(answer.headers["x-lukhas-audit-id"])


def temperature(record: dict[str, Any]) -> float:
    (found,) = [change["after"] for change in record["changes"] if change["parameter"] == "temperature"]
    return float(found)


def test_a_gateway_that_serves_follows_a_changed_policy_and_outlives_a_wrong_one(
    running: RunningGateway, tmp_path: Path
) -> None:
    before = asked(running)
    assert temperature(before) == pytest.approx(0.49)
    (tmp_path / "modulation.yaml").write_text(CALMER)
    until(lambda: asked(running)["policy"] != before["policy"], 5, "the changed policy")
    after = asked(running)
    assert temperature(after) == pytest.approx(0.1)
    (tmp_path / "modulation.yaml").write_text(WRONG)
    until(lambda: "policies" in httpx.get(f"{running.url}/readyz").json()["faults"], 5, "the fault")
    ready = httpx.get(f"{running.url}/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert SAYS in ready.json()["faults"]["policies"]
    still = asked(running)
    assert temperature(still) == pytest.approx(0.1)
    assert still["policy"] == after["policy"]
    metrics = httpx.get(f"{running.url}/metrics").text
    for result in ("taken", "refused"):
        assert f'lukhas_policy_reads_total{{file="modulation.yaml",result="{result}"}} 1.0' in metrics


def test_a_gateway_that_serves_follows_changed_tiers_and_prices(running: RunningGateway, tmp_path: Path) -> None:
    assert asked(running)["cost"] is not None
    (tmp_path / "prices.yaml").write_text("as_of: 2026-01-01\nprices: []\n")
    until(lambda: asked(running)["cost"] is None, 5, "prices of nothing")
    (tmp_path / "tiers.yaml").write_text("{order: [T1, T2, T3, T4, T5], models: {}, endpoints: {T5: ['*']}}")
    until(lambda: asked(running)["status"] == 403, 5, "a tier without chats")
