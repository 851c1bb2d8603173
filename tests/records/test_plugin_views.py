"""A plugin adds a view to SQL: it is asked like ours, and one that is wrong stops the start."""

from pathlib import Path

from tests.builders.served import eventually, lukhas, served
from tests.records.asking import SETTINGS, asked, printed, rows, said_by_model

PLUGIN = """
from gateway import hookimpl


class Quick:
    @hookimpl
    def register_views(self):
        return {"quick": "SELECT audit_id, caller, total_ms FROM exchanges WHERE total_ms < 60000"}
"""
CHAIN = f"chain: [default, quick.py]\n{SETTINGS}"


def test_a_view_of_a_plugin_is_asked_like_ours(tmp_path: Path) -> None:
    (tmp_path / "quick.py").write_text(PLUGIN)
    with served(tmp_path, "--simulate", settings=CHAIN) as running:
        of_ada, of_bob = said_by_model(running, "lk-ada"), said_by_model(running, "lk-bob")
        both = [[of_ada], [of_bob]]
        eventually(lambda: rows(running, "SELECT audit_id FROM quick ORDER BY audit_id") == both)
        assert rows(running, "SELECT audit_id FROM quick", "lk-ada") == [[of_ada]]
        schema = asked(running, "/sql/schema").json()
        assert "quick" in [view["name"] for view in schema["views"]]
    assert printed(running, "SELECT count(*) AS n FROM quick") == [{"n": 2}]


def test_a_view_that_cannot_be_made_stops_the_start_with_the_plugins_name(tmp_path: Path) -> None:
    (tmp_path / "quick.py").write_text(PLUGIN.replace("total_ms <", "took <"))
    (tmp_path / "lukhas.yaml").write_text(CHAIN)
    for command in (("check",), ("serve", "--port", "0", "--simulate")):
        done = lukhas(*command, "--data", "data", cwd=tmp_path)
        assert done.returncode == 1
        assert "The view quick of the plugin quick cannot be made: " in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1
