"""`lukhas policy lint` names what is wrong with a policy, `lukhas policy diff` what another one does differently."""

import json
from pathlib import Path

import pytest

from tests.builders.commands import lukhas_here as lukhas

SHIPPED = (Path(__file__).parents[3] / "policies" / "modulation.yaml").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a policy that is laid over the shipped one."""
    (tmp_path / "modulation.yaml").write_text(SHIPPED.replace("weight: 0.9", "weight: 0.5"))
    (tmp_path / "wrong.yaml").write_text(SHIPPED.replace("1 - 0.85 * x", "1 - 0.85 * y"))
    (tmp_path / "idle.yaml").write_text(SHIPPED.replace("weight: 0.9", "weight: 0"))
    (tmp_path / "lukhas.yaml").write_text("policies: {folder: .}\n")
    return tmp_path


def test_a_sound_policy_is_named_with_its_revision(folder: Path) -> None:
    done = lukhas("policy", "lint", "modulation.yaml", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("modulation.yaml: revision ")


def test_without_a_file_the_policy_in_force_is_looked_at(folder: Path) -> None:
    in_force, of_file = (
        json.loads(lukhas("policy", "lint", *file, "--json", cwd=folder).stdout) for file in ((), ("modulation.yaml",))
    )
    assert in_force == of_file
    assert of_file["ok"] is True


def test_a_fault_is_a_sentence_with_file_line_key_and_column(folder: Path) -> None:
    done = lukhas("policy", "lint", "wrong.yaml", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("wrong.yaml, line ")
    assert "maps.alignment_risk.temperature: column 12: unknown name 'y'" in done.stderr
    said = json.loads(lukhas("policy", "lint", "wrong.yaml", "--json", cwd=folder).stdout)
    assert (said["ok"], said["fault"]) == (False, done.stderr.strip())


def test_what_can_never_do_anything_is_named(folder: Path) -> None:
    done = lukhas("policy", "lint", "idle.yaml", cwd=folder)
    assert done.returncode == 0
    assert done.stdout.splitlines()[1] == "signals.stress.weight: 0: what it maps numbers to has no effect."


def test_a_difference_is_told_in_words_and_as_a_table(folder: Path) -> None:
    (folder / "shipped.yaml").write_text(SHIPPED)
    done = lukhas("policy", "diff", "shipped.yaml", "modulation.yaml", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "signals.stress.weight becomes 0.5; it was 0.9." in done.stdout
    assert ["stress", "1", "temperature", "0.15", "0.35"] in [line.split() for line in done.stdout.splitlines()]


def test_one_file_is_compared_with_the_policy_in_force(folder: Path) -> None:
    (folder / "shipped.yaml").write_text(SHIPPED)
    said = json.loads(lukhas("policy", "diff", "shipped.yaml", "--json", cwd=folder).stdout)
    assert said["differences"] == [{"place": "signals.stress.weight", "before": 0.5, "after": 0.9}]
    assert {effect["signal"] for effect in said["effects"]} == {"stress"}


def test_the_same_is_told_to_be_the_same(folder: Path) -> None:
    done = lukhas("policy", "diff", "modulation.yaml", cwd=folder)
    assert done.stdout.startswith("Both say the same: revision ")


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    done = lukhas("policy", "diff", "gone.yaml", cwd=folder)
    assert (done.returncode, done.stderr) == (1, "gone.yaml: cannot be read: No such file or directory.\n")
