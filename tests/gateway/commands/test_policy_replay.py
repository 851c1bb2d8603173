"""`lukhas policy replay` says what another policy would have made of what a real gateway recorded."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import httpx
import pytest

from gateway.commands.policy_replay import moment_of
from tests.builders.served import Served, lukhas, served
from tests.docs.blocks import ROOT

SHIPPED = (ROOT / "policies" / "modulation.yaml").read_text()
SETTINGS = """
mode: {mode}
audit: {bodies: all}
plugins: {log: {to: nowhere}, signals: {slow_ms: 600000, waiting_ms: 600000}}
auth: {keys: [{key: lk-ada, owner: ada}, {key: lk-bob, owner: bob}]}
"""
ASKED = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "What is a nebula?"}]}
REQUESTS: list[tuple[str, dict[str, Any], str]] = [
    ("ada", {}, ""),
    ("ada", {"temperature": 0.9}, "alignment_risk=0.3"),
    ("bob", {"max_tokens": 5000}, "urgency=0.8"),
    ("bob", {"stop": ["x"]}, "alignment_risk=0.6"),
    ("bob", {"stream": True}, "alignment_risk=0.28, stress=0.5"),
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway in shadow that has carried requests, and serves on."""
    folder = tmp_path_factory.mktemp("replay")
    (folder / "same.yaml").write_text(SHIPPED)
    (folder / "stricter.yaml").write_text(SHIPPED.replace("x > 0.3", "x > 0.25"))
    with served(folder, "--simulate", settings=SETTINGS.replace("{mode}", "shadow")) as running:
        for who, members, signals in REQUESTS:
            headers = {"authorization": f"Bearer lk-{who}"} | ({"x-lukhas-signals": signals} if signals else {})
            url = f"{running.url}/v1/chat/completions"
            assert httpx.post(url, json=ASKED | members, headers=headers).status_code == 200
        assert httpx.post(url, json={"model": 5}, headers=headers).status_code == 400
        yield running


def replayed(gateway: Served, *arguments: str) -> dict[str, Any]:
    done = lukhas("policy", "replay", "--data", "data", "--json", *arguments, cwd=gateway.folder)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_policy_in_force_would_have_changed_nothing(gateway: Served) -> None:
    found = replayed(gateway, "--policy", "same.yaml")
    assert (found["exchanges"], found["differ"], found["left_out"]) == (5, 0, 1)
    assert (found["bases"], found["other_policy"]) == ({"body": 5}, 0)
    assert found["modes_before"] == found["modes_after"] == {"balanced": 4, "strict": 1}


def test_what_a_replay_makes_of_records_is_what_the_gateway_computed(gateway: Served) -> None:
    computed = {
        record["audit_id"]: {each["parameter"]: each.get("after") for each in record.get("changes", ())}
        for record in gateway.ended()
    }
    found = replayed(gateway, "--policy", "stricter.yaml")
    assert found["examples"]
    for example in found["examples"]:
        for name, (before, _) in example["members"].items():
            known = computed[example["audit_id"]]
            assert before in (known.get(name), "balanced" if name == "safety_mode" else None), (name, example)


def test_another_policy_is_told_by_parameter_mode_and_example(gateway: Served) -> None:
    found = replayed(gateway, "--policy", "stricter.yaml")
    assert (found["differ"], found["modes_after"]) == (2, {"balanced": 2, "strict": 3})
    assert found["parameters"]["safety_mode"]["exchanges"] == 2
    records = {record["audit_id"]: record for record in gateway.ended()}
    for example in found["examples"]:
        assert example["members"]["safety_mode"] == ["balanced", "strict"]
        assert 0.25 < records[example["audit_id"]]["signals"]["alignment_risk"] <= 0.3
        assert example["basis"] == "body"


def test_a_person_reads_tables(gateway: Served) -> None:
    done = lukhas("policy", "replay", "--data", "data", "--policy", "stricter.yaml", cwd=gateway.folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "with stricter.yaml 2 (40.0 %) would have come out differently." in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["strict", "1", "3"] in rows
    assert ["safety_mode", "2", "0", "0", "0", "0"] in rows


def test_a_replay_can_be_of_one_caller_and_of_a_time(gateway: Served) -> None:
    assert replayed(gateway, "--policy", "same.yaml", "--caller", "key:ada")["exchanges"] == 2
    assert replayed(gateway, "--policy", "same.yaml", "--caller", "key:nobody")["exchanges"] == 0
    assert replayed(gateway, "--policy", "same.yaml", "--until", "1h")["exchanges"] == 0


def test_a_fault_of_the_policy_and_a_wrong_time_are_said(gateway: Served) -> None:
    (gateway.folder / "wrong.yaml").write_text("maps: 5\n")
    done = lukhas("policy", "replay", "--data", "data", "--policy", "wrong.yaml", cwd=gateway.folder)
    assert (done.returncode, done.stderr.startswith("wrong.yaml")) == (1, True)
    done = lukhas(
        *("policy", "replay", "--data", "data", "--policy", "same.yaml", "--since", "yesterday"), cwd=gateway.folder
    )
    assert (done.returncode, "24h" in done.stderr) == (2, True)


def test_times_are_spans_back_or_moments() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert moment_of("--since", "36h", now) == now - timedelta(hours=36)
    assert moment_of("--since", "7d", now) == now - timedelta(days=7)
    assert moment_of("--since", "2026-11-01", now) == datetime(2026, 11, 1, tzinfo=UTC)
    for wrong in ("h", "-5h", "99999999999999d", "soon"):
        with pytest.raises(click.BadParameter):
            moment_of("--since", wrong, now)
