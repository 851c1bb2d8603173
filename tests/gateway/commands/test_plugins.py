"""`lukhas plugins` shows the chain as it will run, and what it is asked about."""

import json
from pathlib import Path
from typing import Any

from tests.builders.commands import lukhas_here as lukhas

GUARD = """
from gateway import Exchange, Refusal, hookimpl


class Guard:
    @hookimpl
    async def judge(self, exchange: Exchange) -> Refusal | None:
        return None
"""


def shown(folder: Path, settings: str) -> dict[str, Any]:
    (folder / "guard.py").write_text(GUARD)
    (folder / "lukhas.yaml").write_text(settings)
    done = lukhas("plugins", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_chain_stands_in_the_order_of_the_hooks_and_then_of_the_settings(tmp_path: Path) -> None:
    chain = shown(tmp_path, "chain: [guard.py, sign_in, tier_check, usage, log]\n")["chain"]
    assert [(each["hook"], each["plugin"]) for each in chain] == [
        ("identify", "sign_in"),
        ("admit", "tier_check"),
        ("judge", "guard"),
        ("account", "usage"),
        ("record", "log"),
    ]


def test_a_plugin_is_shown_with_its_budget_and_what_happens_when_it_breaks(tmp_path: Path) -> None:
    settings = "chain: [default, guard.py]\nplugins: {guard: {failure: open, reason: only for show, budget_ms: 7}}\n"
    runs = shown(tmp_path, settings)["chain"]
    (guard,) = [each for each in runs if each["plugin"] == "guard"]
    (governor,) = [each for each in runs if each["plugin"] == "tool_governance" and each["hook"] == "shape"]
    assert governor["if_it_breaks"] == "the request goes without tools"
    assert (guard["runs_as"], guard["budget_ms"], guard["if_it_breaks"]) == ("async def", 7, "open: only for show")
    assert guard["origin"] == str(tmp_path / "guard.py")


def test_every_gap_has_a_reason_and_the_operators_goes_before_ours(tmp_path: Path) -> None:
    settings = "coverage: {accepted_gaps: [{endpoints: 'realtime*', hooks: [judge], reason: no realtime here}]}\n"
    gaps = shown(tmp_path, settings)["gaps"]
    assert all(gap["reason"] for gap in gaps)
    reasons = {gap["reason"] for gap in gaps if (gap["traffic"]["endpoint"], gap["hook"]) == ("realtime", "judge")}
    assert reasons == {"no realtime here"}


def test_the_tables_name_every_endpoint_when_asked(tmp_path: Path) -> None:
    (tmp_path / "lukhas.yaml").write_text("")
    brief, full = lukhas("plugins", cwd=tmp_path).stdout, lukhas("plugins", "--coverage", cwd=tmp_path).stdout
    assert "sign_in" in brief
    assert "vector_stores.{vector_store_id}.search" not in brief
    assert "vector_stores.{vector_store_id}.search" in full
