"""`lukhas smoke` measures what is there, and says what is not."""

import json
from pathlib import Path

from tests.builders.served import lukhas

GOVERNED = "chain: [sign_in, tier_check, signals, modulation, tool_governance, usage, log]\n"


def test_what_is_built_is_measured_and_what_is_not_is_named(tmp_path: Path) -> None:
    done = lukhas("smoke", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"]) == (0, True)
    assert found["timings"]["import_app_ms"] > 1
    assert found["timings"]["health_ms"] > 0
    assert found["routes"]["count"] >= 4
    assert found["timings"]["feedback_health_ms"] > 0
    assert found["not_built"] == []
    assert found["signal_bus"] == {"ok": True, "published": 7, "heard": 7}
    assert list(tmp_path.iterdir()) == []


def test_a_call_that_nobody_allowed_is_an_incident_and_tightens(tmp_path: Path) -> None:
    (tmp_path / "lukhas.yaml").write_text(GOVERNED)
    done = lukhas("smoke", cwd=tmp_path)
    assert json.loads(done.stdout)["offline_governance"] == {"incidents": 1, "tightened": True}
    assert [path.name for path in tmp_path.iterdir()] == ["lukhas.yaml"]


def test_where_nobody_governs_tools_nothing_is_said_of_it(tmp_path: Path) -> None:
    (tmp_path / "lukhas.yaml").write_text("chain: [sign_in, tier_check, usage]\n")
    done = lukhas("smoke", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["offline_governance"]) == (0, None)


def test_with_policies_of_the_operator_a_blocked_call_tightens_too(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "tools.yaml").write_text("client_tools: listed\ntightening: []\n")
    (tmp_path / "lukhas.yaml").write_text(f"{GOVERNED}policies: {{folder: policies}}\n")
    done = lukhas("smoke", cwd=tmp_path)
    assert json.loads(done.stdout)["offline_governance"] == {"incidents": 1, "tightened": True}
    assert [path.name for path in policies.iterdir()] == ["tools.yaml"]


def test_a_gateway_that_is_not_ready_is_not_ok(tmp_path: Path) -> None:
    (tmp_path / "ailing.py").write_text(
        "from gateway import hookimpl\n\n\n"
        "class Ailing:\n    @hookimpl\n    def health(self):\n        return 'out of breath'\n"
    )
    (tmp_path / "lukhas.yaml").write_text("chain: [default, ailing.py]\n")
    done = lukhas("smoke", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (1, False)
