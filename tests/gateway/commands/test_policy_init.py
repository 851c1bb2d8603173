"""`lukhas policy init` writes a copy of the shipped policies, and overwrites nothing."""

import json
from pathlib import Path

from tests.builders.commands import lukhas_here as lukhas
from tests.docs.blocks import ROOT

SHIPPED = sorted(each.name for each in (ROOT / "policies").glob("*.yaml"))


def test_the_copies_are_the_shipped_policies_and_can_be_put_into_force(tmp_path: Path) -> None:
    done = lukhas("policy", "init", "mine", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "policies: {folder: mine}" in done.stdout
    assert sorted(each.name for each in (tmp_path / "mine").iterdir()) == SHIPPED
    for name in SHIPPED:
        assert (tmp_path / "mine" / name).read_text() == (ROOT / "policies" / name).read_text()
    (tmp_path / "lukhas.yaml").write_text("policies: {folder: mine}\n")
    assert lukhas("check", cwd=tmp_path).returncode == 0


def test_nothing_is_overwritten_and_then_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "tiers.yaml").write_text("mine")
    done = lukhas("policy", "init", ".", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() == ".: tiers.yaml is there already. Nothing was written."
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("tiers.yaml", "mine")]


def test_without_a_folder_it_is_the_one_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "lukhas.yaml").write_text("policies: {folder: own}\n")
    assert json.loads(lukhas("policy", "init", "--json", cwd=tmp_path).stdout) == {"folder": "own", "files": SHIPPED}
