"""A gateway that starts over old records takes them away, and says so."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.builders.months import audit_id, days_in_bytes, lived
from tests.builders.served import eventually, lukhas, served
from tests.records.asking import SETTINGS, asked, rows, said_by_model


def test_what_is_too_old_goes_when_the_gateway_starts(tmp_path: Path) -> None:
    first = datetime.now(UTC) - timedelta(days=32, hours=12)
    lived(tmp_path / "data", range(2), bodies=True, first=first)
    with served(tmp_path, "--simulate", settings=SETTINGS) as running:
        fresh = said_by_model(running)
        last = eventually(lambda: asked(running, "/ops/retention", "lk-reader").json()["last"])
        # Some of them may have moved to Parquet before.
        assert (last["held"], last["rows"] + last["files"]) == (False, 2)
        eventually(lambda: rows(running, "SELECT audit_id FROM exchanges") == [[fresh]])
        assert asked(running, f"/audit/{audit_id(1)}", "lk-reader").status_code == 404
        assert asked(running, f"/audit/{fresh}").status_code == 200
    assert days_in_bytes(tmp_path / "data", range(2)) == []
    verified = lukhas("audit", "verify", "--data", "data", "--json", cwd=tmp_path)
    report = json.loads(verified.stdout)
    assert (verified.returncode, report["faults"]) == (0, []), verified.stdout
    assert {(note["kind"], note["writer"]) for note in report["notes"]} >= {("expired", "worker-0")}
