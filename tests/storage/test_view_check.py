"""Views of plugins are tried before anything depends on them."""

from storage.view_check import view_faults


def test_views_that_can_be_made_have_no_faults() -> None:
    views = {
        "slow": "SELECT audit_id, caller FROM exchanges WHERE total_ms > 1000",
        "slowest": "SELECT max(audit_id) AS audit_id FROM slow",
    }
    assert view_faults(views) == {}


def test_the_reason_is_given_for_each_that_cannot() -> None:
    faults = view_faults({"a": "SELECT nosuch FROM exchanges", "b": "SELEC 1", "c": "SELECT 1 AS one"})
    assert list(faults) == ["a", "b"]
    assert "nosuch" in faults["a"]
    assert "syntax error" in faults["b"]
