"""An audit says that all is fine only where everything was looked up."""

from typing import Any

from tests.security.audit_lock import FAULTY, FINE, UNKNOWN, verdict

LOOKED_UP = {"name": "click", "version": "8.3", "vulns": []}
SKIPPED = {"name": "rich", "skip_reason": "Dependency not found on PyPI and could not be audited: rich (14)"}
FAULT = {"id": "PYSEC-2026-1", "fix_versions": ["8.4"]}


def of(*packages: dict[str, Any]) -> tuple[int, str]:
    status, lines = verdict({"dependencies": list(packages)})
    return status, "\n".join(lines)


def test_nothing_known_of_packages_that_were_all_looked_up_is_fine() -> None:
    assert of(LOOKED_UP, LOOKED_UP) == (FINE, "No fault is known of 2 packages.")


def test_a_known_fault_is_named_with_what_mends_it() -> None:
    status, said = of(LOOKED_UP | {"vulns": [FAULT]}, SKIPPED)
    assert status == FAULTY
    assert "click 8.3: PYSEC-2026-1, mended in 8.4" in said


def test_what_was_not_looked_up_is_not_fine() -> None:
    status, said = of(LOOKED_UP, SKIPPED)
    assert status == UNKNOWN
    assert said.startswith("NOT AUDITED: 1 of 2 packages could be looked up; not found: rich.")


def test_no_report_is_not_fine() -> None:
    assert verdict(None)[0] == UNKNOWN
    assert verdict({"dependencies": []})[0] == UNKNOWN
