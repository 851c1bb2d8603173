"""`lukhas policy preview` shows a request under a policy that is not in force, and what differs."""

import json
from pathlib import Path

import pytest

from tests.builders.commands import lukhas_here as lukhas
from tests.docs.blocks import ROOT

SHIPPED = (ROOT / "policies" / "modulation.yaml").read_text()
REQUEST = '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "What is a nebula?"}]}'
HURRY = ("--mode", "enforce", "--signals", "urgency=0.8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "new.yaml").write_text(SHIPPED.replace("round(900 - 500 * x)", "round(600 - 300 * x)"))
    (tmp_path / "wrong.yaml").write_text(SHIPPED.replace("round(900 - 500 * x)", "900 - 500 * y"))
    (tmp_path / "request.json").write_text(REQUEST)
    return tmp_path


def test_a_request_is_shown_under_the_policy_and_beside_the_one_in_force(folder: Path) -> None:
    done = lukhas("policy", "preview", "request.json", "--policy", "new.yaml", *HURRY, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["max_completion_tokens", "700", "630"] in rows
    assert any('"max_completion_tokens":630' in line for line in done.stdout.splitlines())


def test_both_are_told_as_json(folder: Path) -> None:
    done = lukhas("policy", "preview", "request.json", "--policy", "new.yaml", *HURRY, "--json", cwd=folder)
    told = json.loads(done.stdout)
    limits = {name: json.loads(told[name]["body"])["max_completion_tokens"] for name in ("in_force", "with_policy")}
    assert limits == {"in_force": 700, "with_policy": 630}
    assert told["in_force"]["policy"] != told["with_policy"]["policy"]


def test_what_both_make_the_same_is_said(folder: Path) -> None:
    done = lukhas("policy", "preview", "request.json", "--policy", "new.yaml", cwd=folder)
    assert done.stdout.endswith("The policy in force makes the same of it.\n")


def test_a_policy_with_a_fault_is_named_with_its_file(folder: Path) -> None:
    done = lukhas("policy", "preview", "request.json", "--policy", "wrong.yaml", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("wrong.yaml, line ")
