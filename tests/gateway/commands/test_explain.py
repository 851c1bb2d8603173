"""`lukhas explain` says what would go out and why, and sends nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders.served import lukhas

BODY = '{"model": "gpt-4o-mini",  "seed": 1e-7, "messages": [{"role": "user", "content": "WHY NOT"}]}'
CALMING = """
from gateway import Exchange, Nudge, Refusal, Set, Signals, hookimpl


class Calming:
    @hookimpl
    def observe(self, exchange: Exchange) -> Signals | None:
        return Signals({"noise": 0.9}, because={"noise": "all capitals"})

    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        return Refusal("Too loud.", code="too_loud") if exchange.signals["noise"] > 0.95 else None

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge | None:
        return Nudge((Set(("temperature",), 0.2),), because="the caller shouts")
"""


def explained(folder: Path, *arguments: str, given: str = BODY) -> tuple[int, dict[str, Any]]:
    (folder / "calming.py").write_text(CALMING)
    (folder / "lukhas.yaml").write_text("chain: [sign_in, tier_check, calming.py]\n")
    done = lukhas("explain", "-", "--json", *arguments, cwd=folder, given=given)
    return done.returncode, json.loads(done.stdout)


def test_what_no_plugin_changes_goes_out_byte_for_byte(tmp_path: Path) -> None:
    done = lukhas("explain", "-", cwd=tmp_path, given=BODY)
    assert (done.returncode, done.stdout.endswith(f"\nunchanged, byte for byte:\n{BODY}\n")) == (0, True)


def test_a_change_is_shown_with_its_reason_and_the_exact_body(tmp_path: Path) -> None:
    status, found = explained(tmp_path)
    assert status == 0
    assert found["body"] == BODY[:-1] + ',"temperature":0.2}'
    assert '+  "temperature": 0.2' in found["diff"]
    assert found["signals"] == {"noise": 0.9}
    assert [(step["hook"], step["answer"]["because"]) for step in found["steps"]] == [
        ("observe", {"noise": "all capitals"}),
        ("shape", "the caller shouts"),
    ]


def test_signals_can_be_assumed(tmp_path: Path) -> None:
    status, found = explained(tmp_path, "--signals", "noise=0.99,calm=0")
    assert status == 1
    assert found["signals"] == {"noise": 0.99, "calm": 0}
    assert (found["refusal"]["code"], found["body"]) == ("too_loud", "")


@pytest.mark.parametrize("option", [("--signals", "loud"), ("--signals", "noise=2"), ("--tier", "T9")])
def test_what_cannot_be_assumed_is_wrong_use(tmp_path: Path, option: tuple[str, str]) -> None:
    assert lukhas("explain", "-", *option, cwd=tmp_path, given=BODY).returncode == 2


def test_what_the_gateway_would_not_admit_is_refused(tmp_path: Path) -> None:
    done = lukhas("explain", "-", cwd=tmp_path, given='{"model": 5}')
    assert (done.returncode, "code invalid_model" in done.stdout) == (1, True)


def test_an_endpoint_that_nobody_knows_is_wrong_use(tmp_path: Path) -> None:
    done = lukhas("explain", "-", "--endpoint", "chat.completion", cwd=tmp_path, given=BODY)
    assert done.returncode == 2
    assert "there are chat.completions" in done.stderr


def test_a_body_that_is_not_json_is_refused(tmp_path: Path) -> None:
    done = lukhas("explain", "-", cwd=tmp_path, given="{")
    assert done.returncode == 1
    assert done.stderr.startswith("We could not parse the JSON body of your request")


def test_explaining_leaves_nothing_behind(tmp_path: Path) -> None:
    lukhas("explain", "-", cwd=tmp_path, given=BODY)
    assert list(tmp_path.iterdir()) == []
