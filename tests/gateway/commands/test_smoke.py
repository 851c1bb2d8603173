"""`lukhas smoke` measures what is there, and says what is not."""

import json
from pathlib import Path

from tests.builders.served import lukhas


def test_what_is_built_is_measured_and_what_is_not_is_named(tmp_path: Path) -> None:
    done = lukhas("smoke", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"]) == (0, True)
    assert found["timings"]["import_app_ms"] > 1
    assert found["timings"]["health_ms"] > 0
    assert found["routes"]["count"] >= 4
    assert found["timings"]["feedback_health_ms"] > 0
    assert found["not_built"] == ["signal_bus", "offline_governance"]
    assert (found["signal_bus"], found["offline_governance"]) == (None, None)
    assert list(tmp_path.iterdir()) == []


def test_a_gateway_that_is_not_ready_is_not_ok(tmp_path: Path) -> None:
    (tmp_path / "ailing.py").write_text(
        "from gateway import hookimpl\n\n\n"
        "class Ailing:\n    @hookimpl\n    def health(self):\n        return 'out of breath'\n"
    )
    (tmp_path / "lukhas.yaml").write_text("chain: [default, ailing.py]\n")
    done = lukhas("smoke", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (1, False)
